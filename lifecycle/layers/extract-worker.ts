import { parentPort } from "node:worker_threads";
import { type FileBatch, writeBatch } from "./file-batch.ts";

// The program of the second thread of a restore: one answer for each batch, in order.
parentPort?.on("message", (batch: FileBatch) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  parentPort?.postMessage(writeBatch(batch));
});
