"""Images per second on the device at hand: frozen extraction and fine-tuning, beside a plain loop and timm."""
