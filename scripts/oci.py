#!/usr/bin/env python3
"""Writes a container image as an OCI archive, without Docker. The same input gives the same bytes.

oci.py OUT.tar --name localhost/warung-bot:dev [--base ROOT.tar]... [--add FILE:/PATH[:MODE]]...
       [--make /DIR[:MODE]]... [--entrypoint WORD]... [--user UID] [--env K=V]... [--label K=V]...
"""

import argparse
import hashlib
import io
import json
import os
import platform
import tarfile

LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Every file of an image is as old as this.
TIME = 0


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--name", required=True)
    parser.add_argument("--workdir", default="/")
    parser.add_argument("--user", default="0")
    for name in ("base", "add", "make", "entrypoint", "env", "label"):
        parser.add_argument(f"--{name}", action="append", default=[])
    return parser.parse_args()


def split(text, parts):
    """`a:b:c` in a given number of parts, the missing ones None."""
    fields = text.split(":")
    return fields + [None] * (parts - len(fields))


class Layer:
    """A tar of files that belong to root."""

    def __init__(self):
        self.bytes = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w", format=tarfile.PAX_FORMAT)
        self.folders = set()

    def entry(self, path, mode, kind):
        info = tarfile.TarInfo(path.lstrip("/"))
        info.mode, info.type, info.mtime = mode, kind, TIME
        return info

    def folder(self, path, mode=0o755):
        path = path.rstrip("/")
        if path in self.folders or path == "":
            return
        self.folder(os.path.dirname(path))
        self.folders.add(path)
        self.tar.addfile(self.entry(path, mode, tarfile.DIRTYPE))

    def file(self, source, path, mode=None):
        self.folder(os.path.dirname(path))
        with open(source, "rb") as content:
            body = content.read()
        executable = os.access(source, os.X_OK)
        info = self.entry(path, mode or (0o755 if executable else 0o644), tarfile.REGTYPE)
        info.size = len(body)
        self.tar.addfile(info, io.BytesIO(body))

    def add(self, source, path, mode=None):
        """A file, or a folder with all it holds."""
        if not os.path.isdir(source):
            self.file(source, path, mode)
            return
        self.folder(path)
        for name in sorted(os.listdir(source)):
            self.add(os.path.join(source, name), f"{path}/{name}", mode)

    def done(self):
        self.tar.close()
        return self.bytes.getvalue()


class Archive:
    """The files of an OCI image layout, in one tar."""

    def __init__(self, path):
        self.tar = tarfile.open(path, mode="w", format=tarfile.PAX_FORMAT)
        self.known = set()

    def put(self, path, body, size):
        info = tarfile.TarInfo(path)
        info.size, info.mode, info.mtime = size, 0o644, TIME
        self.tar.addfile(info, body)

    def blob(self, media, body):
        return self.stream(media, io.BytesIO(body), len(body))

    def stream(self, media, body, size):
        digest = hashlib.file_digest(body, "sha256").hexdigest()
        body.seek(0)
        if digest not in self.known:
            self.known.add(digest)
            self.put(f"blobs/sha256/{digest}", body, size)
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": size}


def encode(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def own_layer(asked):
    layer = Layer()
    for folder in asked.make:
        path, mode = split(folder, 2)
        layer.folder(path, int(mode or "755", 8))
    for file in asked.add:
        source, path, mode = split(file, 3)
        layer.add(source, path, int(mode, 8) if mode else None)
    return layer.done()


def main():
    asked = arguments()
    archive = Archive(asked.out + ".part")
    layers = []
    for base in asked.base:
        with open(base, "rb") as body:
            layers.append(archive.stream(LAYER, body, os.path.getsize(base)))
    if asked.add or asked.make:
        layers.append(archive.blob(LAYER, own_layer(asked)))
    config = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {
            "User": asked.user,
            "WorkingDir": asked.workdir,
            "Entrypoint": asked.entrypoint,
            "Env": asked.env,
            "Labels": dict(label.split("=", 1) for label in asked.label),
        },
        # A layer is not compressed, so its digest is that of its content.
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": archive.blob(CONFIG, encode(config)),
        "layers": layers,
    }
    described = archive.blob(MANIFEST, encode(manifest))
    described["annotations"] = {
        "io.containerd.image.name": asked.name,
        "org.opencontainers.image.ref.name": asked.name.rpartition(":")[2],
    }
    for path, value in (
        ("index.json", {"schemaVersion": 2, "manifests": [described]}),
        ("oci-layout", {"imageLayoutVersion": "1.0.0"}),
    ):
        body = encode(value)
        archive.put(path, io.BytesIO(body), len(body))
    archive.tar.close()
    os.replace(asked.out + ".part", asked.out)


main()
