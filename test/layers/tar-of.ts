import { encodeHeader, paddingAfter, type TarHeader } from "../../lifecycle/oci/tar/header.ts";
import { END_OF_ARCHIVE } from "../../lifecycle/oci/tar/pack.ts";

/** An entry of a test's tar: what is not said is a plain file or directory of root's. */
export type TestEntry = Partial<TarHeader> & { readonly name: string; readonly text?: string };

/** A plain tar as a stream in pieces. */
export async function* tarOf(...entries: readonly TestEntry[]): AsyncGenerator<Uint8Array> {
  for (const { text = "", ...header } of entries) {
    const content = Buffer.from(text);
    const isDirectory = header.type === "dir";
    const whole = {
      type: "file",
      mode: isDirectory ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      size: content.length,
      ...header,
    } as const;
    yield encodeHeader(whole);
    yield content;
    yield Buffer.alloc(paddingAfter(content.length));
  }
  yield END_OF_ARCHIVE;
}
