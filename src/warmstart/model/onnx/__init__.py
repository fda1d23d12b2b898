"""Networks in ONNX files: read as data, built of torch's own layers where every operator is known here."""
