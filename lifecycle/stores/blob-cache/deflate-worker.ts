import { parentPort, workerData } from "node:worker_threads";
import { BlockDeflater } from "../../oci/deflate-block.ts";
import type { BlockJob } from "./deflate-threads.ts";

// The program of a thread that compresses: for each block the size of what it became, in order.
const deflater = new BlockDeflater(workerData as WebAssembly.Module);
parentPort?.on("message", ({ memory, place, level }: BlockJob) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  parentPort?.postMessage(deflater.deflate(new Uint8Array(memory), place, level));
});
