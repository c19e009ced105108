//! Updates from a file and from a server on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;

use connector_toplist::TopList;
use list_file::{Origin, UpdateError, update};

/// A server that gives one answer to whoever asks first. The address is that of a list, with a token in it.
fn serve(answer: &'static str) -> Origin {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
        while request.next().is_some_and(|line| !line.unwrap().is_empty()) {}
        stream.write_all(answer.as_bytes()).unwrap();
    });
    Origin::parse(&format!("http://user:s3cr3t@127.0.0.1:{port}/top-1m.csv?token=s3cr3t"), Path::new("")).unwrap()
}

#[tokio::test]
async fn a_newer_list_replaces_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("lists/domains.csv");
    let origin = serve("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n1,example.com\r\n\n");
    let fetched = update(&origin, &target, TopList::read).await.unwrap();
    assert_eq!((fetched.list.len(), fetched.bytes), (1, 16));
    std::fs::write(folder.path().join("next.csv"), "1,example.org\n2,example.com\n").unwrap();
    let origin = Origin::parse("next.csv", folder.path()).unwrap();
    update(&origin, &target, TopList::read).await.unwrap();
    assert_eq!(TopList::read(&target).unwrap().rank("example.com"), Some(2));
    assert_eq!(std::fs::read_dir(target.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
}

#[tokio::test]
async fn the_old_list_stays_when_there_is_no_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("domains.csv");
    std::fs::write(&target, "1,example.com\n").unwrap();
    for (answer, expected) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answered with status 404"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>\n</html>\n", "it is no top list"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n1,example.org\n", "could not fetch"),
        ("", "could not fetch"),
    ] {
        let error = update(&serve(answer), &target, TopList::read).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("127.0.0.1") && !error.contains("s3cr3t"), "{error}");
        assert_eq!(TopList::read(&target).unwrap().rank("example.com"), Some(1));
    }
    let missing = Origin::parse("missing.csv", folder.path()).unwrap();
    assert!(matches!(update(&missing, &target, TopList::read).await, Err(UpdateError::Fetch { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
}
