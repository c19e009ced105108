"""A fixed script of ordinary Rust cells: what a person types, in the order of a session. Every cell may run again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """A cell, and what it must show: the text of its value, what it prints, or the words of its error."""

    code: str
    shows: str = ""
    fails: bool = False
    # Calls something of Flowdeck's: no other kernel can run it.
    own: bool = False


SCRIPT = [
    Cell("1 + 1", "2"),
    Cell("let x = 5;"),
    Cell("x * 2", "10"),
    Cell('let name = "flow";'),
    Cell('println!("hello {name}");', "hello flow"),
    Cell("let numbers = vec![3, 1, 2];"),
    Cell("let mut sorted = numbers.clone();\nsorted.sort();"),
    Cell("sorted", "[1, 2, 3]"),
    Cell("numbers.iter().sum::<i32>()", "6"),
    Cell("undefined_name", "undefined_name", fails=True),
    Cell('let words: Vec<&str> = "the quick brown fox".split(\' \').collect();'),
    Cell("words.iter().map(|word| word.len()).max()", "Some(5)"),
    Cell("use std::collections::HashMap;"),
    Cell(
        "let mut counts: HashMap<usize, usize> = HashMap::new();\n"
        "for word in &words { *counts.entry(word.len()).or_insert(0) += 1; }"
    ),
    Cell("counts[&5]", "2"),
    Cell("#[derive(Debug, Clone, PartialEq)]\nstruct Point { x: f64, y: f64 }"),
    Cell("fn length(point: &Point) -> f64 { (point.x * point.x + point.y * point.y).sqrt() }"),
    Cell("let point = Point { x: 3.0, y: 4.0 };"),
    Cell("length(&point)", "5.0"),
    Cell("point", "Point { x: 3.0, y: 4.0 }"),
    Cell("trait Area { fn area(&self) -> f64; }"),
    Cell("struct Square(f64);\nimpl Area for Square { fn area(&self) -> f64 { self.0 * self.0 } }"),
    Cell("Square(2.0).area()", "4.0"),
    Cell("let shapes: Vec<Box<dyn Area>> = vec![Box::new(Square(1.0)), Box::new(Square(3.0))];"),
    Cell("shapes.iter().map(|shape| shape.area()).sum::<f64>()", "10.0"),
    Cell(
        "fn largest<T: PartialOrd + Copy>(items: &[T]) -> T {\n"
        "    items.iter().copied().fold(items[0], |best, item| if item > best { item } else { best })\n}"
    ),
    Cell("largest(&numbers)", "3"),
    Cell("enum Kind { Tcp, Udp }\nfn number(kind: &Kind) -> u8 { match kind { Kind::Tcp => 6, Kind::Udp => 17 } }"),
    Cell("number(&Kind::Udp)", "17"),
    Cell("let add_one: Box<dyn Fn(i32) -> i32> = Box::new(|number| number + 1);"),
    Cell("add_one(41)", "42"),
    Cell("{ let double = |number: i32| number * 2; double(21) }", "42"),
    Cell('"12".parse::<i32>()', "Ok(12)"),
    Cell("let (first, second) = (1u8, \"two\".to_owned());"),
    Cell("(first, second.len())", "(1, 3)"),
    Cell("(1..=20).filter(|n| n % 3 == 0).map(|n| n * n).sum::<u64>()", "819"),
    Cell('let table = flowdeck::sql("SELECT 7 AS n UNION ALL SELECT 8").unwrap();', own=True),
    Cell("table.row_count()", "2", own=True),
    Cell('table.column::<i64>("n").unwrap().iter().sum::<i64>()', "15", own=True),
    Cell("let slider = flowdeck::widgets::IntSlider::new();\nslider.set_value(7);", own=True),
    Cell("slider.value()", "7", own=True),
]
