"""Pictures of every kind a visitor may send, built in memory, each with what has to come of it.

``CASES`` is one list for all ways in: as a file, as bytes, as a ``data:`` URL, over HTTP. A case either shows known
pixels or is refused with known words. The scene has four quarters of different colors, so that a turn, a mirroring,
swapped channels, or a wrong profile cannot pass unseen.
"""

import base64
import functools
import io
import struct
import zlib
from dataclasses import dataclass, field

import numpy as np
import pillow_heif
from PIL import Image

WIDTH, HEIGHT = 48, 32
COLORS = ((220, 40, 40), (40, 180, 60), (40, 70, 210), (240, 220, 120))  # by quarter, row by row
GRAYS = (20, 90, 160, 230)
CENTERS = ((12, 8), (36, 8), (12, 24), (36, 24))
WHITE = (255, 255, 255)
ALPHAS = (255, 128, 0, 255)
LAB = ((128, 188, 168), (153, 83, 168), (102, 148, 68), (255, 128, 128))  # L* 50 a* 60 b* 40, ... in bytes
LAB_IN_SRGB = ((214, 60, 55), (65, 164, 68), (67, 86, 194), WHITE)  # by the definitions of CIELAB and IEC 61966-2-1
FINE = {"quality": 95, "subsampling": "4:4:4"}
T = Image.Transpose
STORED = {3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE, 6: T.ROTATE_90, 7: T.TRANSVERSE, 8: T.ROTATE_270}
STORED[2] = T.FLIP_LEFT_RIGHT  # how a camera stores an upright scene that it marks with this EXIF orientation


@dataclass(frozen=True)
class Case:
    """One input: its file and either the pixels it shows or the words it is refused with."""

    name: str  # of the file; no two are alike
    data: bytes = field(repr=False)
    pixels: dict[tuple[int, int], tuple[int, int, int]] = field(default_factory=dict, repr=False)  # sRGB, on white
    tolerance: int = 2  # levels of 255, per channel
    size: tuple[int, int] = (WIDTH, HEIGHT)
    alpha: dict[tuple[int, int], int] | None = None
    note: str = ""  # words of the note, "" where there must be none
    error: str = ""  # words of the refusal, "" where the picture is good

    @property
    def data_url(self) -> str:
        return "data:application/octet-stream;base64," + base64.b64encode(self.data).decode()

    def assert_shown_by(self, image: Image.Image) -> None:
        """``image``, in mode RGB, has the size and the known pixels of this case."""
        assert image.size == self.size, self.name
        for place, color in self.pixels.items():
            distance = max(abs(a - b) for a, b in zip(image.getpixel(place), color, strict=True))
            assert distance <= self.tolerance, f"{self.name} {place}: {image.getpixel(place)}, not {color}"


def scene(colors=COLORS, mode: str = "RGB") -> Image.Image:
    """The four quarters in any mode whose pixels are what ``colors`` holds."""
    image = Image.new(mode, (WIDTH, HEIGHT))
    for (x, y), color in zip(CENTERS, colors, strict=True):
        image.paste(color, (x - 12, y - 8, x + 12, y + 8))
    return image


def palette_scene() -> Image.Image:
    image = scene(range(4), "P")
    image.putpalette([level for color in COLORS for level in color])
    return image


def levels(grays=GRAYS) -> np.ndarray:
    """The four quarters as an array of numbers, float64."""
    quarters = np.array(grays, dtype=float).reshape(2, 2)
    return quarters.repeat(HEIGHT // 2, axis=0).repeat(WIDTH // 2, axis=1)


def shows(colors) -> dict:
    return {place: c if isinstance(c, tuple) else (c, c, c) for place, c in zip(CENTERS, colors, strict=True)}


def encode(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def heic(image: Image.Image, **options) -> bytes:
    stream = io.BytesIO()
    pillow_heif.from_pillow(image).save(stream, format="HEIF", quality=-1, chroma=444, **options)
    return stream.getvalue()


def exif(orientation: int = 1, gps: bool = False) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    if gps:
        block[0x8825] = {1: "N", 2: (38.0, 42.0, 30.0), 3: "W", 4: (9.0, 8.0, 10.0)}
    return block.tobytes()


def turned(kind: str, orientation: int, **options) -> bytes:
    """The scene as a camera held askew stores it."""
    image = scene().transpose(STORED[orientation])
    save = heic if kind == "HEIF" else functools.partial(encode, kind=kind)
    return save(image, exif=exif(orientation), **options)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, color: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG byte by byte; ``color`` is its color type, ``rows`` begin with their filter byte."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def png_rows(values: np.ndarray) -> bytes:
    """``values`` [H, W] or [H, W, C] as rows of big-endian 16-bit samples."""
    return b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)


def tiff(data: bytes, bits: int, photometric: int = 1, order: str = "<", sample: int = 1) -> bytes:
    """A gray TIFF of one uncompressed strip, byte by byte; ``sample`` is 1 for unsigned, 2 for signed, 3 for float."""
    entries = {256: WIDTH, 257: HEIGHT, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: HEIGHT}
    entries |= {279: len(data), 339: sample}
    table = b"".join(struct.pack(order + "HHII", tag, 4, 1, entries[tag]) for tag in sorted(entries))
    start = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(data))
    return start + data + struct.pack(order + "H", len(entries)) + table + bytes(4)


def packed_12_bits(values: np.ndarray) -> bytes:
    """Pairs of 12-bit numbers in three bytes, the high bits first."""
    first, second = values.astype(int).reshape(-1, 2).T
    return np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], 1).astype(np.uint8).tobytes()


# Colorants of RGB spaces as seen under D50, from their definitions (IEC 61966-2-1, SMPTE EG 432-1, Adobe RGB 1998).
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def icc(space: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr", pcs: bytes = b"XYZ ") -> bytes:
    """An ICC profile byte by byte from its tags."""
    white = b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249)
    title = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", 8, 28) + "test".encode("utf-16-be")
    tags = {b"desc": title, b"cprt": title, b"wtpt": white, **tags}
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for tag, data in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s12x4s", start + len(body), b"test", 0x04200000, kind, space, pcs, b"acsp")
    head = head.ljust(68, b"\0") + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def curve(*numbers: float) -> bytes:
    """A parametric curve: a gamma alone, or the five numbers of a gamma with a straight foot."""
    return b"para" + bytes(4) + struct.pack(">HH", 0 if len(numbers) == 1 else 3, 0) + fixed(*numbers)


def rgb_profile(colorants, *gamma: float) -> bytes:
    tags = {letter + b"TRC": curve(*gamma) for letter in (b"r", b"g", b"b")}
    columns = zip((b"r", b"g", b"b"), colorants, strict=True)
    return icc(b"RGB ", tags | {letter + b"XYZ": b"XYZ " + bytes(4) + fixed(*xyz) for letter, xyz in columns})


P3_PROFILE = rgb_profile(DISPLAY_P3, *SRGB_CURVE)


def ink_profile() -> bytes:
    """A printer of odd inks: "cyan" prints red, "magenta" green, "yellow" blue, two inks together and "black" black."""
    lab = dict(zip((8, 4, 2, 0), LAB, strict=True))
    grid = b"".join(bytes(lab.get(inks, (0, 128, 128))) for inks in range(16))
    straight = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + straight * 4 + grid
    return icc(b"CMYK", {b"A2B0": table + straight * 3}, kind=b"prtr", pcs=b"Lab ")


def ycck_jpeg() -> bytes:
    """CMYK in a JPEG as Photoshop writes it: inverted, and three of the channels as luma and chroma."""
    negative = [Image.new("RGB", (1, 1), tuple(255 - c for c in color)).convert("YCbCr") for color in COLORS]
    inks = [(*(255 - c for c in color.getpixel((0, 0))), 0) for color in negative]
    data = encode(scene(inks, "CMYK"), "JPEG", **FINE)
    transform = data.index(b"Adobe") + 11
    return data[:transform] + b"\2" + data[transform + 1 :]


def plain_cases() -> list[Case]:
    shown = shows(COLORS)
    return [
        Case("scene.png", encode(scene(), "PNG"), shown, 0),
        Case("scene.jpg", encode(scene(), "JPEG", **FINE), shown, 4),
        Case("progressive.jpg", encode(scene(), "JPEG", progressive=True, **FINE), shown, 4),
        Case("scene.webp", encode(scene(), "WEBP", lossless=True), shown, 0),
        Case("scene.gif", encode(scene(), "GIF"), shown),
        Case("scene.bmp", encode(scene(), "BMP"), shown, 0),
        Case("scene.tif", encode(scene(), "TIFF", compression="tiff_lzw"), shown, 0),
        Case("scene.jp2", encode(scene(), "JPEG2000"), shown),
        Case("scene.ppm", encode(scene(), "PPM"), shown, 0),
        Case("scene.avif", encode(scene(), "AVIF", **FINE), shown, 6),
        Case("scene.heic", heic(scene()), shown, 6),
        Case("one-pixel.png", encode(Image.new("RGB", (1, 1), COLORS[0]), "PNG"), {(0, 0): COLORS[0]}, size=(1, 1)),
        Case("rotated.jpg", turned("JPEG", 6, **FINE), shown, 4),
        Case("mirrored.jpg", turned("JPEG", 7, **FINE), shown, 4),
        Case("rotated.png", turned("PNG", 8), shown),
        Case("rotated.webp", turned("WEBP", 3, lossless=True), shown),
        Case("rotated.tif", turned("TIFF", 6), shown),
        Case("rotated.avif", turned("AVIF", 6, **FINE), shown, 6),
        Case("rotated.heic", turned("HEIF", 6), shown, 6),
    ]


def color_cases() -> list[Case]:
    shown, lab_shown = shows(COLORS), shows(LAB_IN_SRGB)
    wide = {"pixels": shows([(255, 0, 0), (0, 255, 0), (128, 128, 128), WHITE]), "tolerance": 6}
    p3 = {"icc_profile": P3_PROFILE}
    p3_scene = scene(((234, 51, 35), (117, 251, 76), (128, 128, 128), WHITE))  # sRGB's red and green as P3 has them
    adobe = {"icc_profile": rgb_profile(ADOBE_RGB, 563 / 256)}
    adobe_scene = scene(((219, 0, 0), (144, 255, 60), (127, 127, 127), WHITE))
    swapped = {"icc_profile": rgb_profile((SRGB[1], SRGB[0], SRGB[2]), *SRGB_CURVE)}
    swapped_scene = scene([(green, red, blue) for red, green, blue in COLORS])
    linear = {"icc_profile": icc(b"GRAY", {b"kTRC": curve(1.0)})}
    faint = scene(((0, 255), (128, 255), (55, 255), (255, 0)), "LA")
    cmyk = scene([(*(255 - c for c in color), 0) for color in COLORS], "CMYK")
    inks = scene(((255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 0)), "CMYK")
    return [
        Case("phone-p3.heic", heic(p3_scene, **p3), **wide),
        Case("phone-p3.jpg", encode(p3_scene, "JPEG", **FINE, **p3), **wide),
        Case("adobe-rgb.tif", encode(adobe_scene, "TIFF", **adobe), **wide),
        Case("swapped-colorants.png", encode(swapped_scene, "PNG", **swapped), shown),
        Case("linear.png", encode(scene((0, 128, 55, 255), "L"), "PNG", **linear), shows((0, 188, 128, 255))),
        Case("linear-clear.png", encode(faint, "PNG", **linear), shows((0, 188, 128, 255)), alpha={CENTERS[3]: 0}),
        Case("gray-p3.png", encode(scene(GRAYS, "L"), "PNG", **p3), shows(GRAYS)),
        Case("broken-profile.png", encode(scene(), "PNG", icc_profile=b"not a profile"), shown, note="color profile"),
        Case("cmyk.jpg", encode(cmyk, "JPEG", **FINE), shown, 6, note="CMYK"),
        Case("ycck.jpg", ycck_jpeg(), shown, 8, note="CMYK"),
        Case("cmyk.tif", encode(cmyk, "TIFF"), shown, note="CMYK"),
        Case("cmyk-profile.jpg", encode(inks, "JPEG", icc_profile=ink_profile(), **FINE), lab_shown, 6),
        Case("cmyk-profile.tif", encode(inks, "TIFF", icc_profile=ink_profile()), lab_shown, 4),
        Case("lab.tif", encode(scene(LAB, "LAB"), "TIFF"), lab_shown, 8),
        Case("palette.png", encode(palette_scene(), "PNG"), shown, 0),
    ]


def transparent_cases() -> list[Case]:
    def seen(colors, alphas=ALPHAS) -> dict:
        pairs = zip(colors, alphas, strict=True)
        blended = [tuple(round((c * a + 255 * (255 - a)) / 255) for c in color) for color, a in pairs]
        return {"pixels": shows(blended), "alpha": dict(zip(CENTERS, alphas, strict=True))}

    clear = scene([(*color, alpha) for color, alpha in zip(COLORS, ALPHAS, strict=True)], "RGBA")
    gray_clear = scene(list(zip(GRAYS, ALPHAS, strict=True)), "LA")
    deep_gray_clear = np.stack([levels(GRAYS), levels(ALPHAS)], -1) * 257
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(scene()))
    keyed = png(WIDTH, HEIGHT, 8, 2, rows, chunk(b"tRNS", struct.pack(">3H", *COLORS[2])))
    hole, grays = seen(COLORS, (255, 255, 0, 255)), seen([(gray,) * 3 for gray in GRAYS])
    return [
        Case("transparent.png", encode(clear, "PNG"), **seen(COLORS)),
        Case("transparent.webp", encode(clear, "WEBP", lossless=True, exact=True), **seen(COLORS)),
        Case("transparent.tif", encode(clear, "TIFF"), **seen(COLORS)),
        Case("transparent.heic", heic(clear), tolerance=8, **seen(COLORS)),
        Case("transparent-palette.png", encode(palette_scene(), "PNG", transparency=bytes(ALPHAS)), **seen(COLORS)),
        Case("transparent.gif", encode(palette_scene(), "GIF", transparency=2), **hole),
        Case("color-key.png", keyed, **hole),
        Case("opaque-alpha.png", encode(scene([(*color, 255) for color in COLORS], "RGBA"), "PNG"), shows(COLORS)),
        Case("gray-alpha.png", encode(gray_clear, "PNG"), **grays),
        Case("gray-alpha-16.png", png(WIDTH, HEIGHT, 16, 4, png_rows(deep_gray_clear)), **grays),
    ]


def depth_cases() -> list[Case]:
    gray, ink = shows(GRAYS), shows((0, 255, 255, 0))
    deep, unit = levels(GRAYS) * 257, levels(GRAYS) / 255
    odd = unit.copy()
    odd[0, 0], odd[-1, -1], odd[-1, 0] = np.nan, np.inf, -0.02  # the last as a resize leaves it beside an edge
    odd_shown = gray | {(0, 0): (0, 0, 0), (47, 31): WHITE}
    bright, signed = levels((0, 5, 10, 20)) * 100, levels((-200, 0, 100, 200))
    return [
        Case("gray.jpg", encode(scene(GRAYS, "L"), "JPEG", **FINE), gray, 4),
        Case("one-bit.png", encode(scene((0, 1, 1, 0), "1"), "PNG"), ink, 0),
        Case("fax.tif", encode(scene((0, 1, 1, 0), "1"), "TIFF", compression="group4"), ink, 0),
        Case("gray-16.png", png(WIDTH, HEIGHT, 16, 0, png_rows(deep)), gray),
        Case("rgb-16.png", png(WIDTH, HEIGHT, 16, 2, png_rows(np.asarray(scene()).astype(int) * 257)), shows(COLORS)),
        Case("dark-16.pgm", b"P5 48 32 65535\n" + (deep / 16).astype(">u2").tobytes(), shows((1, 6, 10, 14)), 1),
        Case("gray-16.tif", tiff(deep.astype("<u2").tobytes(), 16), gray),
        Case("gray-16-big-endian.tif", tiff(deep.astype(">u2").tobytes(), 16, order=">"), gray),
        Case("gray-16-inverted.tif", tiff((65535 - deep).astype("<u2").tobytes(), 16, photometric=0), gray),
        Case("gray-12.tif", tiff(packed_12_bits(unit * 4095), 12), gray),
        Case("gray-32.tif", tiff(deep.astype("<i4").tobytes(), 32, sample=2), gray),
        Case("float.tif", tiff(unit.astype("<f4").tobytes(), 32, sample=3), gray),
        Case("float-255.tif", tiff(levels(GRAYS).astype("<f4").tobytes(), 32, sample=3), gray),
        Case("float-bright.tif", tiff(bright.astype("<f4").tobytes(), 32, sample=3), shows((0, 64, 128, 255))),
        Case("float-odd.tif", tiff(odd.astype("<f4").tobytes(), 32, sample=3), odd_shown),
        Case("signed.tif", tiff(signed.astype("<i4").tobytes(), 32, sample=2), shows((0, 128, 191, 255))),
    ]


def many_in_one_cases() -> list[Case]:
    shown, first = shows(COLORS), "is animated: its first frame"
    more = {"save_all": True, "append_images": [scene(COLORS[::-1])]}
    return [
        Case("animated.gif", encode(scene(), "GIF", duration=100, **more), shown, note=first),
        Case("animated.webp", encode(scene(), "WEBP", lossless=True, **more), shown, note=first),
        Case("animated.png", encode(scene(), "PNG", **more), shown, note=first),
        Case("pages.tif", encode(scene(), "TIFF", **more), shown, note="several pages: its first one"),
        Case("with-depth-map.jpg", encode(scene(), "MPO", **more, **FINE), shown, 4),
    ]


def bad_cases() -> list[Case]:
    noise = Image.frombytes("RGB", (200, 200), np.random.default_rng(0).bytes(120_000))
    whole = {kind: encode(noise, kind) for kind in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF", "GIF", "JPEG2000")}
    whole["HEIC"] = heic(noise)
    halves = {f"cut-short.{kind.lower()}": data[: len(data) // 2] for kind, data in whole.items()}
    drawing = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'
    page = b"<!DOCTYPE html><html><body>404 <svg></svg></body></html>"
    return [
        *(Case(name, data, error="is damaged or cut short: get it again") for name, data in halves.items()),
        Case("only-a-header.png", whole["PNG"][:20], error="cut short"),
        Case("no-pixels.png", png(0, 0, 8, 2, b""), error="damaged"),
        Case("empty.jpg", b"", error="is empty (0 bytes): choose"),
        Case("letter.jpg", "Dear Sir or Madam, ça va ?".encode() * 50, error="is not a picture: choose"),
        Case("noise.png", np.random.default_rng(1).bytes(5000), error="is not a picture"),
        Case("drawing.svg", drawing, error="is an SVG drawing: export it as PNG"),
        Case("paper.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", error="is a PDF: export the page as PNG or JPEG"),
        Case("page.html", page, error="is not a picture"),
        Case("film.mp4", b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(100), error="is not a picture"),
        Case("postscript.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", error="is not a picture"),
        Case("large.png", png(10_000, 10_000, 1, 0, bytes(12_510_000)), error="is too large, 10000 x 10000 pixels"),
        Case("bomb.png", png(60_000, 60_000, 1, 0, bytes(7501)), error="is too large, 60000 x 60000 pixels"),
    ]


GOOD_CASES = [*plain_cases(), *color_cases(), *transparent_cases(), *depth_cases(), *many_in_one_cases()]
BAD_CASES = bad_cases()
CASES = GOOD_CASES + BAD_CASES
