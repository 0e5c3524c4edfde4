"""Pictures and pages that the demo's origin makes by code: nothing is read from a file."""
import colorsys
import html
import random
import struct
import zlib

WORDS = ("proxy loop event edge mark record slot lane block client upstream request response head body chunk buffer socket "
         "descriptor turn budget timeout tunnel state kernel queue table").split()


def colour(number, lightness=0.6):
    """A colour for a number, as three bytes; neighbours differ clearly."""
    red, green, blue = colorsys.hls_to_rgb(number * 0.382 % 1, lightness, 0.6)
    return int(red * 255), int(green * 255), int(blue * 255)


def svg(number):
    """A picture of circles."""
    chance = random.Random(number)
    circles = "".join(f'<circle cx="{chance.randrange(320)}" cy="{chance.randrange(200)}" r="{chance.randrange(5, 50)}" '
                      f'fill="rgb{colour(number + i)}" fill-opacity="0.7"/>' for i in range(40))
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 200" role="img">{circles}</svg>'.encode()


def png(number, width=320, height=200):
    """A picture of noise in two colours; it hardly compresses, so that it takes several turns of the loop to send."""
    chance = random.Random(number)
    pair = colour(number), colour(number + 3, 0.3)
    rows = []
    for y in range(height):
        noise = chance.randbytes(width)
        rows.append(b"\0" + bytes(c * (256 - y) // 256 ^ noise[x] & 31 for x in range(width) for c in pair[(x // 40 + y // 40) % 2]))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b""))


def page(title, body):
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
            '<link rel="icon" href="data:,"><style>body{font:16px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}'
            "img{width:48%}</style>"
            f"<h1>{html.escape(title)}</h1>{body}</html>").encode()


def article(number):
    """A page of text with pictures."""
    chance = random.Random(number)
    text = "".join(f"<p>{' '.join(chance.choices(WORDS, k=80)).capitalize()}.</p>" for _ in range(chance.randrange(3, 30)))
    images = "".join(f'<img src="/picture/{number * 4 + i}.{kind}" alt="picture {number * 4 + i}"> ' for i, kind in enumerate(("svg", "png", "svg", "png")))
    return page(f"Page {number}", f'{images}{text}<p><a href="/page/{number + 1}">Page {number + 1}</a> <a href="/">Start</a></p>')


def start(kinds):
    """The first page: a link for each of `kinds`, (path, description)."""
    links = "".join(f'<li><a href="{html.escape(path)}">{html.escape(path)}</a>: {html.escape(text)}</li>' for path, text in kinds)
    return page("The origin of the demo", f"<p>What comes from here can come slowly, in pieces, broken, or without an end:</p><ul>{links}</ul>")
