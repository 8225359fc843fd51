//! Checks a network file before the runtime sees it.
//!
//! A bundle is data. The runtime, however, does whatever a graph says: open further files (external tensors), load
//! compiled blobs (`EPContext`), run operators of custom libraries. So the file is read here first, field by field, and
//! refused unless it has a single graph of known operators, without subgraphs, and with all its tensors inside.
//!
//! Source of the field numbers: `onnx.proto` of ONNX 1.16 to 1.19 (IR versions 10 to 12).

mod operators;
mod wire;

use std::io::{Read, Seek};

use self::wire::{Field, Message, Wire};

/// Maximum number of nodes, and of tensors, in a graph.
const COUNT_LIMIT: usize = 1 << 16;
/// Largest dimension of a tensor inside the file.
const DIMENSION_LIMIT: u64 = 1 << 28;
/// Maximum number of dimensions of a tensor.
const RANK_LIMIT: usize = 8;
/// Maximum length of an operator's, domain's or attribute's name, in bytes.
const NAME_LIMIT: u64 = 256;
/// Newest supported file format.
const NEWEST_IR_VERSION: u64 = 12;

/// Checks a network file of `length` bytes.
///
/// # Errors
/// Returns, in words, what is not allowed or damaged.
pub fn check<R: Read + Seek>(reader: R, length: u64) -> Result<(), String> {
    let mut wire = Wire::new(reader);
    let mut model = Message::new(length);
    let mut graphs = 0;
    while let Some((number, field)) = wire.field(&mut model)? {
        match (number, field) {
            (1, Field::Number(version)) if version <= NEWEST_IR_VERSION => {}
            (1, _) => return Err("its format is newer than this engine knows".to_owned()),
            (7, Field::Bytes(length)) => {
                graphs += 1;
                let inner = wire.open(&model, length)?;
                graph(&mut wire, inner)?;
            }
            (8, Field::Bytes(length)) => {
                let inner = wire.open(&model, length)?;
                opset(&mut wire, inner)?;
            }
            // Producer, version, description, properties.
            (2..=6 | 14, field) => wire.skip(field)?,
            (20, _) => return Err("it holds training information".to_owned()),
            (25, _) => return Err("it defines functions of its own".to_owned()),
            (number, _) => return Err(format!("the model has an unknown field {number}")),
        }
    }
    if graphs == 1 { Ok(()) } else { Err(format!("it has {graphs} graphs")) }
}

fn opset<R: Read + Seek>(wire: &mut Wire<R>, mut message: Message) -> Result<(), String> {
    while let Some((number, field)) = wire.field(&mut message)? {
        match (number, field) {
            (1, Field::Bytes(length)) => {
                let domain = wire.text(length, NAME_LIMIT)?;
                if !operators::is_known_domain(&domain) {
                    return Err(format!("it needs operators of '{domain}'"));
                }
            }
            (2, Field::Number(_)) => {}
            (number, _) => return Err(format!("an operator set has an unknown field {number}")),
        }
    }
    Ok(())
}

fn graph<R: Read + Seek>(wire: &mut Wire<R>, mut message: Message) -> Result<(), String> {
    let (mut nodes, mut tensors) = (0, 0);
    while let Some((number, field)) = wire.field(&mut message)? {
        match (number, field) {
            (1, Field::Bytes(length)) => {
                nodes += 1;
                node(wire, wire.open(&message, length)?)?;
            }
            (5, Field::Bytes(length)) => {
                tensors += 1;
                tensor(wire, wire.open(&message, length)?)?;
            }
            (15, _) => return Err("it has sparse tensors".to_owned()),
            // Name, description, inputs, outputs, inferred shapes, notes on quantisation, properties. The signature is
            // compared with the manifest when the network is loaded.
            (2 | 10..=14 | 16, field) => wire.skip(field)?,
            (number, _) => return Err(format!("the graph has an unknown field {number}")),
        }
        if nodes > COUNT_LIMIT || tensors > COUNT_LIMIT {
            return Err(format!("it has more than {COUNT_LIMIT} nodes or tensors"));
        }
    }
    Ok(())
}

fn node<R: Read + Seek>(wire: &mut Wire<R>, mut message: Message) -> Result<(), String> {
    let (mut operator, mut domain) = (None, None);
    while let Some((number, field)) = wire.field(&mut message)? {
        match (number, field) {
            (4, Field::Bytes(length)) if operator.is_none() => {
                operator = Some(wire.text(length, NAME_LIMIT)?)
            }
            (7, Field::Bytes(length)) if domain.is_none() => domain = Some(wire.text(length, NAME_LIMIT)?),
            (5, Field::Bytes(length)) => attribute(wire, wire.open(&message, length)?)?,
            // Inputs, outputs, name, description, properties.
            (1..=3 | 6 | 9, field) => wire.skip(field)?,
            (number, _) => return Err(format!("a node has an unknown or repeated field {number}")),
        }
    }
    let (operator, domain) = (operator.unwrap_or_default(), domain.unwrap_or_default());
    if operators::is_allowed(&domain, &operator) {
        Ok(())
    } else if domain.is_empty() {
        Err(format!("operator '{operator}' is not allowed"))
    } else {
        Err(format!("operator '{operator}' of '{domain}' is not allowed"))
    }
}

fn attribute<R: Read + Seek>(wire: &mut Wire<R>, mut message: Message) -> Result<(), String> {
    let mut values = 0;
    while let Some((number, field)) = wire.field(&mut message)? {
        match (number, field) {
            (5, Field::Bytes(length)) => {
                values += 1;
                tensor(wire, wire.open(&message, length)?)?;
            }
            (6 | 11, _) => return Err("a node has an inner graph".to_owned()),
            // Name, number, text, numbers, texts, description, kind.
            (1..=4 | 7..=9 | 13 | 20, field) => wire.skip(field)?,
            (number, _) => return Err(format!("an attribute has an unknown field {number}")),
        }
    }
    if values <= 1 { Ok(()) } else { Err("an attribute has several values".to_owned()) }
}

/// Bytes per element, by `TensorProto.DataType`; plain numbers only.
const fn element_bytes(data_type: u64) -> Option<u64> {
    match data_type {
        2 | 3 | 9 => Some(1),
        4 | 5 | 10 | 16 => Some(2),
        1 | 6 | 12 => Some(4),
        7 | 11 | 13 => Some(8),
        _ => None,
    }
}

fn tensor<R: Read + Seek>(wire: &mut Wire<R>, mut message: Message) -> Result<(), String> {
    let mut dimensions: Vec<u64> = Vec::new();
    let (mut data_type, mut raw, mut listed) = (None, None, 0_u64);
    while let Some((number, field)) = wire.field(&mut message)? {
        match (number, field) {
            (1, Field::Number(size)) => dimensions.push(size),
            (1, Field::Bytes(length)) => {
                let mut list = wire.open(&message, length)?;
                while let Some(size) = wire.number(&mut list)? {
                    dimensions.push(size);
                    if dimensions.len() > RANK_LIMIT {
                        break;
                    }
                }
            }
            (2, Field::Number(value)) if data_type.is_none() => data_type = Some(value),
            (9, Field::Bytes(length)) if raw.is_none() => {
                raw = Some(length);
                wire.skip(field)?;
            }
            (4 | 5 | 7 | 10 | 11, Field::Bytes(length)) => {
                listed += length;
                wire.skip(field)?;
            }
            // Unpacked numbers.
            (4 | 5 | 7 | 10 | 11, field) => {
                listed += 8;
                wire.skip(field)?;
            }
            (13, _) => return Err("a tensor lies in another file".to_owned()),
            (14, Field::Number(0)) => {}
            (14, _) => return Err("a tensor lies in another file".to_owned()),
            // Name, description, properties.
            (8 | 12 | 16, field) => wire.skip(field)?,
            (number, _) => return Err(format!("a tensor has an unknown or repeated field {number}")),
        }
        if dimensions.len() > RANK_LIMIT || dimensions.iter().any(|size| *size > DIMENSION_LIMIT) {
            return Err(format!(
                "a tensor has more than {RANK_LIMIT} dimensions, or one above {DIMENSION_LIMIT}"
            ));
        }
    }
    let bytes = data_type.and_then(element_bytes).ok_or("a tensor holds something else than numbers")?;
    let elements = dimensions.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
    let fits = match (elements, raw) {
        (Some(elements), Some(raw)) => listed == 0 && elements.checked_mul(bytes) == Some(raw),
        (Some(elements), None) => elements <= listed,
        (None, _) => false,
    };
    if fits { Ok(()) } else { Err(format!("a tensor of shape {dimensions:?} has other data than that")) }
}

#[cfg(test)]
mod tests;
