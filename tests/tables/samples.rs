//! Files of the formats that this crate reads but doesn't write.

use std::io::Write;
use std::sync::Arc;

use polars_arrow::array::Array;
use polars_arrow::datatypes::{ArrowSchema, Field};
use polars_arrow::io::ipc::write::{Compression, FileWriter, WriteOptions};
use polars_arrow::record_batch::RecordBatchT;

/// A file of NumPy with numbers of 64 bits.
pub fn npy(shape: &str, values: &[f64]) -> Vec<u8> {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
    let data = values.iter().flat_map(|x| x.to_le_bytes());
    let length = (header.len() as u16).to_le_bytes();
    b"\x93NUMPY\x01\x00".iter().copied().chain(length).chain(header.bytes()).chain(data).collect()
}

/// An archive of arrays.
pub fn npz(arrays: &[(&str, Vec<u8>)], compressed: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (name, array) in arrays {
        let method = if compressed {
            rawzip::CompressionMethod::DEFLATE
        } else {
            rawzip::CompressionMethod::STORE
        };
        let name = format!("{name}.npy");
        let (mut entry, config) =
            archive.new_file(&name).compression_method(method).start().unwrap();
        let descriptor = if compressed {
            let level = flate2::Compression::default();
            let encoder = flate2::write::DeflateEncoder::new(&mut entry, level);
            let mut writer = config.wrap(encoder);
            writer.write_all(array).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            descriptor
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(array).unwrap();
            writer.finish().unwrap().1
        };
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    bytes
}

/// An Arrow file of two batches.
pub fn arrow(columns: &[(&str, Box<dyn Array>)], compression: Option<Compression>) -> Vec<u8> {
    let fields =
        columns.iter().map(|(name, array)| Field::new((*name).into(), array.dtype().clone(), true));
    let schema: ArrowSchema = fields.map(|field| (field.name.clone(), field)).collect();
    let schema = Arc::new(schema);
    let mut bytes = Vec::new();
    let mut writer =
        FileWriter::new(&mut bytes, schema.clone(), None, WriteOptions { compression });
    writer.start().unwrap();
    let rows = columns[0].1.len();
    for (start, length) in [(0, rows / 2), (rows / 2, rows - rows / 2)] {
        let arrays = columns.iter().map(|(_, array)| array.sliced(start, length)).collect();
        let batch = RecordBatchT::new(length, schema.clone(), arrays);
        writer.write(&batch, None).unwrap();
    }
    writer.finish().unwrap();
    bytes
}
