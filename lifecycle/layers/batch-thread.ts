import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import type { BatchFile, FileBatch } from "./file-batch.ts";

/** A second thread that makes files, beside the one that reads headers and makes files, too. */
export interface BatchThread {
  /** Whether it has little to do, so that another batch keeps it busy. */
  readonly isHungry: boolean;
  /** Gives the files that were not made, as `BatchWriter` does. Never fails: of a thread that ended, all are left. */
  write(batch: FileBatch): Promise<readonly BatchFile[]>;
  close(): Promise<void>;
}

/** Batches that wait, besides the one under way: enough to never wait for this thread, which may be in a system call. */
const waiting = 1;

/** The program of the thread beside a bundle. TypeScript, which Node 20 does not run, has none. */
export const besideBundle: URL = new URL("extract-worker.js", import.meta.url);

/** Starts the thread; undefined where there is one processor only, or no program for it. */
export async function startBatchThread(program: URL = besideBundle): Promise<BatchThread | undefined> {
  if (availableParallelism() < 2 || !existsSync(fileURLToPath(program))) return undefined;
  const { Worker } = await import("node:worker_threads");
  try {
    // No environment: nothing in there is of use, and it has credentials.
    return new WorkerThread(new Worker(program, { env: {}, stdin: false, execArgv: [] }));
  } catch {
    // A limit of the machine allows no more threads.
    return undefined;
  }
}

/** Runs `work`, which gets one thread for all that it does, started when it first asks for it. */
export async function withBatchThread<T>(
  work: (thread: () => Promise<BatchThread | undefined>) => Promise<T>,
  program?: URL,
): Promise<T> {
  let started: Promise<BatchThread | undefined> | undefined;
  try {
    return await work(() => (started ??= startBatchThread(program)));
  } finally {
    await (await started)?.close();
  }
}

class WorkerThread implements BatchThread {
  readonly #worker: Worker;
  readonly #pending: { readonly batch: FileBatch; readonly done: (left: readonly BatchFile[]) => void }[] = [];
  #ended = false;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.unref();
    // In the order in which they were asked for.
    worker.on("message", (left: readonly BatchFile[]) => {
      const first = this.#pending.shift();
      if (this.#pending.length === 0) worker.unref();
      first?.done(left);
    });
    worker.on("error", () => this.#end());
    worker.on("exit", () => this.#end());
  }

  get isHungry(): boolean {
    return !this.#ended && this.#pending.length <= waiting;
  }

  write(batch: FileBatch): Promise<readonly BatchFile[]> {
    if (this.#ended) return Promise.resolve(batch.files);
    this.#worker.ref();
    return new Promise((done) => {
      this.#pending.push({ batch, done });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
      this.#worker.postMessage(batch);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    for (const { batch, done } of this.#pending.splice(0)) done(batch.files);
  }
}
