"""pip install torch safetensors && python scripts/to_safetensors.py checkpoint_33 out/model.safetensors

A state dict that torch.save wrote (facebookresearch/coconut's checkpoints, pytorch_model.bin) as
safetensors, for `npm run import`. Only tensors are unpickled; tied ones are written twice.
"""

import sys

import torch
from safetensors.torch import save_file

source, target = sys.argv[1:]
state = torch.load(source, map_location="cpu", weights_only=True)
save_file({name: tensor.clone().contiguous() for name, tensor in state.items()}, target, {"format": "pt"})
