import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type OutputFrame, splitFrames } from "../../../lifecycle/platform/engine/frames.ts";

function frame(stream: number, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function split(bytes: Uint8Array, size: number): Promise<readonly OutputFrame[]> {
  const frames: OutputFrame[] = [];
  for await (const { stream, bytes: part } of splitFrames(pieces(bytes, size)))
    frames.push({ stream, bytes: Buffer.from(part) });
  return frames;
}

describe("the mixed output of a container", () => {
  test("comes apart into both streams, however it was cut on its way", async () => {
    const part = fc.record({ stream: fc.constantFrom(1, 2), bytes: fc.uint8Array({ maxLength: 50 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 8 }), fc.integer({ min: 1, max: 30 }), async (parts, size) => {
        const frames = await split(Buffer.concat(parts.map(({ stream, bytes }) => frame(stream, bytes))), size);
        for (const [number, name] of [
          [1, "stdout"],
          [2, "stderr"],
        ] as const) {
          const sent = Buffer.concat(parts.filter(({ stream }) => stream === number).map(({ bytes }) => bytes));
          const got = Buffer.concat(frames.filter(({ stream }) => stream === name).map(({ bytes }) => bytes));
          expect(got).toEqual(sent);
        }
      }),
    );
  });

  test("in another form is an error and not garbage on the terminal", async () => {
    await expect(split(Buffer.from("plain text of a terminal"), 100)).rejects.toMatchObject({ code: "ENGINE_ERROR" });
  });
});
