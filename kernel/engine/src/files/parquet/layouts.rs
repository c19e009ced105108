//! The structures of Parquet by the numbers and kinds of their fields, as its specification has them.
//!
//! Only kinds: which of the numbers matter is said where they are looked at.

use super::thrift::{Kind, Layout};
use Kind::{Binary, Bool, Byte, Double, Int, List, Struct};

const EMPTY: &Layout = &[];

/// At the end of a file.
pub(super) const FILE: &Layout = &[
    (1, Int),
    (schema::FIELD, List(&Struct(SCHEMA_ELEMENT))),
    (3, Int),
    (4, List(&Struct(ROW_GROUP))),
    (5, List(&Struct(KEY_VALUE))),
    (6, Binary),
    (7, List(&Struct(COLUMN_ORDER))),
];

/// Numbers of fields of the elements of a schema.
pub(super) mod schema {
    /// Of the schema in the file's metadata.
    pub(in super::super) const FIELD: i16 = 2;
    /// Of the number of children.
    pub(in super::super) const CHILDREN: i16 = 5;
}

const SCHEMA_ELEMENT: &Layout = &[
    (1, Int),
    (2, Int),
    (3, Int),
    (4, Binary),
    (schema::CHILDREN, Int),
    (6, Int),
    (7, Int),
    (8, Int),
    (9, Int),
    (10, Struct(LOGICAL_TYPE)),
];

const LOGICAL_TYPE: &Layout = &[
    (1, Struct(EMPTY)),
    (2, Struct(EMPTY)),
    (3, Struct(EMPTY)),
    (4, Struct(EMPTY)),
    (5, Struct(&[(1, Int), (2, Int)])),
    (6, Struct(EMPTY)),
    (7, Struct(TIME)),
    (8, Struct(TIME)),
    (10, Struct(&[(1, Byte), (2, Bool)])),
    (11, Struct(EMPTY)),
    (12, Struct(EMPTY)),
    (13, Struct(EMPTY)),
    (14, Struct(EMPTY)),
    (15, Struct(EMPTY)),
    (16, Struct(&[(1, Byte)])),
    (17, Struct(&[(1, Binary)])),
    (18, Struct(&[(1, Binary), (2, Int)])),
];

const TIME: &Layout = &[(1, Bool), (2, Struct(&[(1, Struct(EMPTY)), (2, Struct(EMPTY)), (3, Struct(EMPTY))]))];

const ROW_GROUP: &Layout = &[
    (1, List(&Struct(COLUMN_CHUNK))),
    (2, Int),
    (3, Int),
    (4, List(&Struct(&[(1, Int), (2, Bool), (3, Bool)]))),
    (5, Int),
    (6, Int),
    (7, Int),
];

const COLUMN_CHUNK: &Layout =
    &[(1, Binary), (2, Int), (3, Struct(COLUMN_METADATA)), (4, Int), (5, Int), (6, Int), (7, Int), (9, Binary)];

const COLUMN_METADATA: &Layout = &[
    (1, Int),
    (2, List(&Int)),
    (3, List(&Binary)),
    (4, Int),
    (5, Int),
    (6, Int),
    (7, Int),
    (8, List(&Struct(KEY_VALUE))),
    (9, Int),
    (10, Int),
    (11, Int),
    (12, Struct(STATISTICS)),
    (13, List(&Struct(&[(1, Int), (2, Int), (3, Int)]))),
    (14, Int),
    (15, Int),
    (16, Struct(&[(1, Int), (2, List(&Int)), (3, List(&Int))])),
    (17, Struct(&[(1, Struct(BOUNDING_BOX)), (2, List(&Int))])),
];

const STATISTICS: &Layout =
    &[(1, Binary), (2, Binary), (3, Int), (4, Int), (5, Binary), (6, Binary), (7, Bool), (8, Bool)];

const BOUNDING_BOX: &Layout =
    &[(1, Double), (2, Double), (3, Double), (4, Double), (5, Double), (6, Double), (7, Double), (8, Double)];

const KEY_VALUE: &Layout = &[(1, Binary), (2, Binary)];

const COLUMN_ORDER: &Layout = &[(1, Struct(EMPTY))];

/// Where the pages of a column chunk are.
pub(super) const OFFSET_INDEX: &Layout =
    &[(offset_index::PAGES, List(&Struct(&[(1, Int), (2, Int), (3, Int)]))), (2, List(&Int))];

/// Numbers of fields of the places of pages.
pub(super) mod offset_index {
    /// Of the list of them.
    pub(in super::super) const PAGES: i16 = 1;
    /// Of the first byte of a page.
    pub(in super::super) const OFFSET: i16 = 1;
    /// Of the length of a page with its header.
    pub(in super::super) const BYTES: i16 = 2;
    /// Of the row with which a page begins.
    pub(in super::super) const FIRST_ROW: i16 = 3;
}

/// The least and greatest values of the pages of a column chunk.
pub(super) const COLUMN_INDEX: &Layout = &[
    (1, List(&Bool)),
    (2, List(&Binary)),
    (3, List(&Binary)),
    (4, Int),
    (5, List(&Int)),
    (6, List(&Int)),
    (7, List(&Int)),
];

/// Before each page.
pub(super) const PAGE_HEADER: &Layout = &[
    (page::KIND, Int),
    (page::UNCOMPRESSED_BYTES, Int),
    (page::BYTES, Int),
    (4, Int),
    (page::DATA, Struct(&[(1, Int), (2, Int), (3, Int), (4, Int), (5, Struct(STATISTICS))])),
    (6, Struct(EMPTY)),
    (page::DICTIONARY, Struct(&[(1, Int), (2, Int), (3, Bool)])),
    (
        page::DATA_V2,
        Struct(&[(1, Int), (2, Int), (3, Int), (4, Int), (5, Int), (6, Int), (7, Bool), (8, Struct(STATISTICS))]),
    ),
];

/// Numbers of fields of the headers of pages.
pub(super) mod page {
    pub(in super::super) const KIND: i16 = 1;
    pub(in super::super) const UNCOMPRESSED_BYTES: i16 = 2;
    pub(in super::super) const BYTES: i16 = 3;
    pub(in super::super) const DATA: i16 = 5;
    pub(in super::super) const DICTIONARY: i16 = 7;
    pub(in super::super) const DATA_V2: i16 = 8;
    /// The first of each of the three.
    pub(in super::super) const VALUES: i16 = 1;
    /// Of a page of data of the first version, and of a dictionary.
    pub(in super::super) const ENCODING: i16 = 2;
    /// Of a page of data of the second version.
    pub(in super::super) const ENCODING_V2: i16 = 4;
}
