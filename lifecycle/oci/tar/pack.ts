import { BLOCK } from "./header.ts";

/** What ends every archive: two zero blocks. */
export const END_OF_ARCHIVE: Uint8Array = new Uint8Array(2 * BLOCK);
