import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { compileDeflate, isFastLevel, type BlockPlace } from "../../oci/deflate-block.ts";
import { type Deflater, GZIP_BLOCK, OwnDeflater } from "../../oci/deflater.ts";
import type { Slots } from "../../oci/slots.ts";

/** What a thread is asked to do. */
export interface BlockJob {
  readonly memory: SharedArrayBuffer;
  readonly place: BlockPlace;
  readonly level: number;
}

interface Pending extends BlockJob {
  readonly done: (size: number) => void;
}

/** Options of `DeflateThreads`. */
export interface DeflateThreadsOptions {
  /** Bounds what zlib does at a time, at the levels that are its own. */
  readonly inSlot?: Slots | undefined;
  /** Compiles a module that is going to run for seconds; as V8 does it by itself when absent. */
  readonly optimize?: (<T>(compile: () => T) => T) | undefined;
  /** The program of the threads; the one beside the bundle when absent. */
  readonly program?: URL | undefined;
}

/** Beside a bundle. TypeScript, which Node 20 does not run, has none. */
const besideBundle = new URL("deflate-worker.js", import.meta.url);

/** Bytes after which threads are worth their start, which takes the time of some blocks. */
const worthThreads = 4 * GZIP_BLOCK;

/** More are not kept busy: the bytes are read by one. */
const most = 16;

/** Blocks that a thread has: one under way, and one that it goes on with without asking. */
const eachHas = 2;

/** Milliseconds after which threads with nothing to do end, as nobody closes a cache of blobs. */
const idleTime = 2000;

/**
 * Compresses at the fast levels in threads of its own, as many as there are processors, as soon as there is
 * enough to do; else as `OwnDeflater`. The bytes are the same. What a thread that ends has left is done here.
 */
export class DeflateThreads implements Deflater {
  readonly #own: OwnDeflater;
  readonly #options: DeflateThreadsOptions;
  readonly #program: URL | undefined;
  readonly #waiting: Pending[] = [];
  #threads: DeflateThread[] | undefined;
  #seen = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: DeflateThreadsOptions = {}) {
    this.#own = new OwnDeflater(options.inSlot);
    this.#options = options;
    const program = options.program ?? besideBundle;
    if (availableParallelism() > 1 && existsSync(fileURLToPath(program))) this.#program = program;
  }

  take(): Uint8Array {
    return this.#own.take();
  }

  give(memory: Uint8Array): void {
    this.#own.give(memory);
  }

  async deflate(memory: Uint8Array, place: BlockPlace, level: number): Promise<readonly Uint8Array[]> {
    this.#seen += place.size;
    const shared = memory.buffer;
    if (!isFastLevel(level) || !(shared instanceof SharedArrayBuffer) || !this.#startThreads()) {
      return this.#own.deflate(memory, place, level);
    }
    const size = await new Promise<number>((done) => {
      this.#waiting.push({ memory: shared, place, level, done });
      this.#dispatch();
    });
    // The thread ended: the block is as it was.
    return size === 0 ? this.#own.deflate(memory, place, level) : [memory.subarray(0, size)];
  }

  /** Whether there are threads. */
  #startThreads(): boolean {
    clearTimeout(this.#idle);
    if (this.#threads === undefined) {
      if (this.#program === undefined || this.#seen < worthThreads) return false;
      this.#threads = startThreads(this.#program, this.#options.optimize, () => this.#dispatch());
    }
    return this.#threads.some(({ isThere }) => isThere);
  }

  #dispatch(): void {
    const there = (this.#threads ?? []).filter(({ isThere }) => isThere);
    while (this.#waiting.length > 0) {
      const [free] = there.toSorted((a, b) => a.load - b.load);
      if (free !== undefined && free.load >= eachHas) return;
      const job = this.#waiting.shift();
      if (job === undefined) return;
      if (free === undefined) job.done(0);
      else free.deflate(job);
    }
    if (there.some(({ load }) => load > 0)) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#end(), idleTime).unref();
  }

  #end(): void {
    for (const thread of this.#threads ?? []) thread.end();
    this.#threads = undefined;
    this.#seen = 0;
  }
}

/** As many as there are processors; fewer, or none, where a limit of the machine allows no more. */
function startThreads(
  program: URL,
  optimize: DeflateThreadsOptions["optimize"] = (compile) => compile(),
  whenFree: () => void,
): DeflateThread[] {
  const module = optimize(compileDeflate);
  const threads: DeflateThread[] = [];
  try {
    while (threads.length < Math.min(availableParallelism(), most)) {
      threads.push(new DeflateThread(new Worker(program, threadOptions(module)), whenFree));
    }
  } catch {
    // Their work is done in this one.
  }
  return threads;
}

/** No environment: nothing in there is of use, and it has credentials. Little memory, as its work needs none. */
function threadOptions(module: WebAssembly.Module): ConstructorParameters<typeof Worker>[1] {
  return {
    workerData: module,
    env: {},
    stdin: false,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16, stackSizeMb: 1 },
  };
}

class DeflateThread {
  readonly #worker: Worker;
  readonly #pending: Pending[] = [];
  #isThere = true;

  constructor(worker: Worker, whenFree: () => void) {
    this.#worker = worker;
    worker.unref();
    worker.on("message", (size: number) => {
      const job = this.#pending.shift();
      if (this.#pending.length === 0) worker.unref();
      job?.done(size);
      whenFree();
    });
    const ended = (): void => {
      this.#isThere = false;
      for (const { done } of this.#pending.splice(0)) done(0);
      whenFree();
    };
    worker.on("error", ended);
    worker.on("exit", ended);
  }

  /** False when it ended. */
  get isThere(): boolean {
    return this.#isThere;
  }

  /** Blocks that it has. */
  get load(): number {
    return this.#pending.length;
  }

  deflate(job: Pending): void {
    this.#worker.ref();
    this.#pending.push(job);
    const { memory, place, level } = job;
    const asked: BlockJob = { memory, place, level };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
    this.#worker.postMessage(asked);
  }

  end(): void {
    void this.#worker.terminate();
  }
}
