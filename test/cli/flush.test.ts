import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { flush } from "../../lifecycle/cli/flush.ts";

/** A reader that takes 5 ms for each chunk. */
function slowReader(): { readonly stream: Writable; readonly taken: string[] } {
  const taken: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      setTimeout(() => {
        taken.push(chunk.toString());
        done();
      }, 5);
    },
  });
  return { stream, taken };
}

test("waits until a slow reader has taken everything", async () => {
  const { stream, taken } = slowReader();
  for (const word of ["one", "two", "three"]) stream.write(word);
  await flush([stream]);
  expect(taken.join("")).toBe("onetwothree");
});

test("does not wait for a reader that has gone", async () => {
  const gone = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
  gone.write("lost");
  const destroyed = slowReader().stream.destroy();
  await flush([gone, destroyed]);
});

test("waits no longer than the limit for a reader that does not read", async () => {
  const stuck = new Writable({ write: () => {} });
  stuck.write("never");
  await flush([stuck], AbortSignal.timeout(20));
  expect(stuck.writableLength).toBeGreaterThan(0);
});
