"""pip install numpy==1.26.4 gguf==0.19.0 && python test/golden/make_gguf_goldens.py

Two random blocks of each of GGML's types, and what the gguf package decodes them to, as base64 in
gguf-blocks.json beside this file.
"""

import base64
import json
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type
from gguf.quants import dequantize

TYPES = [Type.F32, Type.F16, Type.BF16, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q8_0, Type.Q4_K, Type.Q5_K, Type.Q6_K]
# Where a block keeps its float16 scales: random bits there could be infinite.
SCALES = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q8_0: [0], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2],
    Type.Q6_K: [208],
}
FLOATS = {Type.F32: np.float32, Type.F16: np.float16}


def blocks_of(kind: Type, random: np.random.Generator) -> np.ndarray:
    values = random.normal(size=64).astype(np.float32)
    if kind in FLOATS:
        return values.astype(FLOATS[kind]).view(np.uint8)
    if kind == Type.BF16:
        return (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
    blocks = random.integers(0, 256, size=(2, GGML_QUANT_SIZES[kind][1]), dtype=np.uint8)
    for at in SCALES[kind]:
        blocks[:, at : at + 2] = random.normal(size=(2, 1)).astype(np.float16).view(np.uint8)
    return blocks.reshape(-1)


def main() -> None:
    random = np.random.default_rng(7)
    text = lambda array: base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    lines = []
    for kind in TYPES:
        blocks = blocks_of(kind, random)
        values = dequantize(blocks.view(FLOATS[kind]) if kind in FLOATS else blocks, kind).astype(np.float32)
        lines.append(json.dumps({"name": kind.name, "type": int(kind), "blocks": text(blocks), "values": text(values)}))
    Path(__file__).with_name("gguf-blocks.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
