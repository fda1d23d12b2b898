"""A bundle as one file for other runtimes: ONNX, OpenVINO, torch.export; kept only if it answers as the bundle does."""
