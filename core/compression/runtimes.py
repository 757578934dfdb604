"""Small devices by their data sheets, and runtimes that cannot be tried here, in a few dated words each."""

from __future__ import annotations

from dataclasses import dataclass

CYCLES = 10  # clock cycles for a multiply-add in plain C: an assumption, said on the page


@dataclass(frozen=True)
class Device:
    """A board: bytes of flash and of RAM, and its clock in Hz."""

    name: str
    storage: int
    memory: int
    clock: float


DEVICES = (
    Device("Arduino Uno R3 (ATmega328P)", 32 * 1024, 2 * 1024, 16e6),
    Device("Raspberry Pi Pico (RP2040)", 2 * 1024**2, 264 * 1024, 133e6),
    Device("Arduino Nano 33 BLE (nRF52840)", 1024**2, 256 * 1024, 64e6),
    Device("ESP32, module with 4 MB", 4 * 1024**2, 520 * 1024, 240e6),
)

CARDS = {
    "TensorFlow Lite, now LiteRT": "Google's runtime for phones and small devices; renamed in 2024, the files are still .tflite. A converter turns a TensorFlow or Keras model into one file and can round it: float16, int8 weights with inputs rounded as they come, or whole-number arithmetic throughout with a range from sample data. For microcontrollers there is a version without an operating system.",
    "ExecuTorch": "PyTorch's own way to phones, embedded systems and microcontrollers: the graph of torch.export becomes a .pte file, which a small runtime in C++ executes. Beta, with stable interfaces, since version 0.4 of October 2024.",
    "ONNX Runtime": "Reads ONNX on many kinds of processors, and can round dynamically or statically. The ONNX file of the look Export is checked with it where it is installed.",
    "TorchServe": "A server for PyTorch models with batches, versions and metrics. No longer maintained: its repository was archived on 7 August 2025, and security holes are not mended. Do not begin with it.",
    "TensorFlow Serving": "Serves SavedModels. It watches a folder with numbered versions, answers by gRPC (usually port 8500) and REST (usually 8501), and can gather requests into batches.",
    "TensorRT": "NVIDIA's compiler and runtime for its GPUs. From ONNX it builds an engine for one kind of GPU: fused layers, the fastest kernels by trial, FP16, INT8 or FP8. Such an engine generally runs only on the kind of GPU that it was built for.",
}
