import { crc32 } from 'node:zlib';

/** One picture of an animation, and how long it is shown, in milliseconds. */
export interface Frame {
  readonly png: Buffer;
  readonly milliseconds: number;
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * Joins PNG pictures of one size and colour type into an animated PNG that repeats for ever, with the chunks acTL, fcTL and fdAT
 * of https://www.w3.org/TR/png-3/#apng-frame-based-animation. It copies the pictures' compressed data.
 */
export function animate(frames: readonly Frame[]): Buffer {
  const pictures = frames.map(({ png }) => chunks(png));
  const header = only(pictures[0] ?? [], 'IHDR');
  if (pictures.some((picture) => !only(picture, 'IHDR').equals(header))) throw new Error('the pictures differ in size or kind');
  let sequence = 0;
  const numbered = (data: Buffer) => Buffer.concat([uint32(sequence++), data]);
  const parts = [signature, chunk('IHDR', header), chunk('acTL', Buffer.concat([uint32(frames.length), uint32(0)]))];
  pictures.forEach((picture, index) => {
    const delay = Buffer.alloc(6); // numerator, denominator, then dispose "none" and blend "source"
    delay.writeUInt16BE(frames[index]!.milliseconds, 0);
    delay.writeUInt16BE(1000, 2);
    parts.push(chunk('fcTL', numbered(Buffer.concat([header.subarray(0, 8), uint32(0), uint32(0), delay]))));
    for (const { type, data } of picture) {
      if (type === 'IDAT') parts.push(index === 0 ? chunk('IDAT', data) : chunk('fdAT', numbered(data)));
    }
  });
  return Buffer.concat([...parts, chunk('IEND', Buffer.alloc(0))]);
}

function chunks(png: Buffer): { type: string; data: Buffer }[] {
  const found: { type: string; data: Buffer }[] = [];
  for (let at = signature.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    found.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return found;
}

function only(picture: readonly { type: string; data: Buffer }[], wanted: string): Buffer {
  const found = picture.find(({ type }) => type === wanted);
  if (!found) throw new Error(`a picture has no ${wanted}`);
  return found.data;
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([uint32(data.length), typed, uint32(crc32(typed))]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
