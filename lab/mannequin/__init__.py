"""The mannequin of `formats/mannequin.safetensors`: its shapes and how they are lofted."""
