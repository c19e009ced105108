//! Answers as an Arrow stream, decoded as the pieces arrive.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow::ipc::reader::StreamDecoder;
use remote_source::{Cause, Cell, RemoteError};

use crate::server::Server;

/// Bytes without a batch, after which a stream is none.
const BATCH_BYTES_MAX: usize = 512 << 20;
/// Of the end of an answer, where an exception may stand.
const TAIL_BYTES: usize = 16 << 10;

/// A stream under way.
pub(crate) struct Decoder {
    decoder: StreamDecoder,
    left: Buffer,
    since_batch: usize,
    tail: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self {
            decoder: StreamDecoder::new(),
            left: Buffer::from_vec(Vec::<u8>::new()),
            since_batch: 0,
            tail: Vec::new(),
        }
    }

    /// Takes a piece. To be called when [`next`](Self::next) has nothing more.
    pub(crate) fn feed(&mut self, piece: Vec<u8>, server: &Server) -> Result<(), RemoteError> {
        self.since_batch += piece.len();
        if self.since_batch > BATCH_BYTES_MAX {
            return Err(RemoteError::malformed(server.http().place(), "a batch of rows has more than 512 MiB"));
        }
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL_BYTES)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL_BYTES));
        self.left = Buffer::from_vec(piece);
        Ok(())
    }

    /// The next batch of what was fed.
    pub(crate) fn next(&mut self, server: &Server) -> Result<Option<RecordBatch>, RemoteError> {
        match self.decoder.decode(&mut self.left) {
            Ok(batch) => {
                if batch.is_some() {
                    self.since_batch = 0;
                }
                Ok(batch)
            }
            Err(fault) => Err(self.broken(server, &fault.to_string())),
        }
    }

    /// Says whether the stream ended where streams end.
    pub(crate) fn finish(mut self, server: &Server) -> Result<(), RemoteError> {
        match self.decoder.finish() {
            Ok(()) => Ok(()),
            Err(fault) => Err(self.broken(server, &fault.to_string())),
        }
    }

    fn broken(&self, server: &Server, reason: &str) -> RemoteError {
        let tail = String::from_utf8_lossy(&self.tail);
        let told = server.broken_off(&tail);
        told.unwrap_or_else(|| server.error(Cause::Malformed { reason: server.http().words(reason) }))
    }
}

/// Columns without dictionaries.
pub(crate) fn plain(batch: &RecordBatch) -> Result<Vec<ArrayRef>, arrow::error::ArrowError> {
    let column = |column: &ArrayRef| match column.data_type() {
        DataType::Dictionary(_, values) => arrow::compute::cast(column, values),
        _ => Ok(ArrayRef::clone(column)),
    };
    batch.columns().iter().map(column).collect()
}

/// A value as a cell.
pub(crate) fn cell(column: &dyn Array, row: usize, is_bytes: bool) -> Cell<'_> {
    if column.is_null(row) {
        return Cell::Null;
    }
    let bytes = |bytes| match is_bytes {
        true => Cell::Bytes(bytes),
        false => std::str::from_utf8(bytes).map_or(Cell::Odd, Cell::Text),
    };
    match column.data_type() {
        DataType::UInt8 => Cell::Integer(i128::from(column.as_primitive::<UInt8Type>().value(row))),
        DataType::UInt16 => Cell::Integer(i128::from(column.as_primitive::<UInt16Type>().value(row))),
        DataType::UInt32 => Cell::Integer(i128::from(column.as_primitive::<UInt32Type>().value(row))),
        DataType::UInt64 => Cell::Integer(i128::from(column.as_primitive::<UInt64Type>().value(row))),
        DataType::Int8 => Cell::Integer(i128::from(column.as_primitive::<Int8Type>().value(row))),
        DataType::Int16 => Cell::Integer(i128::from(column.as_primitive::<Int16Type>().value(row))),
        DataType::Int32 => Cell::Integer(i128::from(column.as_primitive::<Int32Type>().value(row))),
        DataType::Int64 => Cell::Integer(i128::from(column.as_primitive::<Int64Type>().value(row))),
        DataType::Float32 => Cell::Real(f64::from(column.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => Cell::Real(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Cell::Text(column.as_string::<i64>().value(row)),
        DataType::Utf8View => Cell::Text(column.as_string_view().value(row)),
        DataType::Binary => bytes(column.as_binary::<i32>().value(row)),
        DataType::LargeBinary => bytes(column.as_binary::<i64>().value(row)),
        DataType::FixedSizeBinary(_) => bytes(column.as_fixed_size_binary().value(row)),
        _ => Cell::Odd,
    }
}
