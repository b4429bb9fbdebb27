import { parentPort } from "node:worker_threads";
import { BatchWriter, type FileBatch } from "./file-batch.ts";

// The program of the second thread of a restore: one answer for each batch, in order.
const writer = new BatchWriter();
parentPort?.on("message", (batch: FileBatch) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  parentPort?.postMessage(writer.write(batch));
});
