//! The operators that a bundle's networks may use.
//!
//! They are pure functions whose cost follows from the size of their inputs. Excluded are control flow (subgraphs), random
//! numbers (takes are reproducible), operators that make large tensors from small ones (`ConstantOfShape`, `Tile`, `Range`,
//! `Resize`), strings, and anything that reads files.

/// Operators of ONNX itself; sorted.
const STANDARD: &[&str] = &[
    "Abs",
    "Add",
    "And",
    "ArgMax",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "Cos",
    "CumSum",
    "DequantizeLinear",
    "Div",
    "DynamicQuantizeLinear",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "GatherElements",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "Greater",
    "GroupNormalization",
    "Identity",
    "InstanceNormalization",
    "LSTM",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "Log",
    "LogSoftmax",
    "MatMul",
    "MatMulInteger",
    "Max",
    "MaxPool",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "PRelu",
    "Pad",
    "Pow",
    "QuantizeLinear",
    "RMSNormalization",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "ReduceSumSquare",
    "Relu",
    "Reshape",
    "Round",
    "Shape",
    "Sigmoid",
    "Sign",
    "SimplifiedLayerNormalization",
    "Sin",
    "Slice",
    "Softmax",
    "Softplus",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tanh",
    "TopK",
    "Transpose",
    "Unsqueeze",
    "Where",
];

/// ONNX Runtime's own operators for inference; sorted.
const MICROSOFT: &[&str] = &[
    "BiasGelu",
    "FastGelu",
    "FusedMatMul",
    "Gelu",
    "GroupQueryAttention",
    "MatMulIntegerToFloat",
    "MatMulNBits",
    "MultiHeadAttention",
    "QuickGelu",
    "RotaryEmbedding",
    "SimplifiedLayerNormalization",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
];

/// Whether operators of `domain` may be used at all.
pub(super) fn is_known_domain(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx" | "com.microsoft")
}

/// Whether a network may use this operator.
pub(super) fn is_allowed(domain: &str, operator: &str) -> bool {
    let names = match domain {
        "" | "ai.onnx" => STANDARD,
        "com.microsoft" => MICROSOFT,
        _ => return false,
    };
    names.binary_search(&operator).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{MICROSOFT, STANDARD};

    #[test]
    fn the_lists_are_sorted() {
        assert!(STANDARD.is_sorted() && MICROSOFT.is_sorted());
    }
}
