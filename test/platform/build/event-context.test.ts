import { describe, expect, test } from "vitest";
import { InputError, TspackError } from "../../../lifecycle/errors.ts";
import { eventContext, type EventContext } from "../../../lifecycle/platform/build/event-context.ts";
import { explainFailure, failedEvent } from "../../../lifecycle/platform/build/failure.ts";
import { Stopwatch } from "../../../lifecycle/platform/build/stopwatch.ts";
import type { BuildEvent } from "../../../lifecycle/platform/events.ts";

interface Recorded {
  readonly ctx: EventContext;
  readonly events: readonly BuildEvent[];
  /** Moves the clock. */
  readonly pass: (milliseconds: number) => void;
}

function recorded(verbose = false): Recorded {
  let now = 1_000_000;
  const events: BuildEvent[] = [];
  const ctx = eventContext({
    onEvent: (event) => void events.push(event),
    signal: new AbortController().signal,
    clock: () => new Date(now),
    verbose,
  });
  return { ctx, events, pass: (milliseconds) => void (now += milliseconds) };
}

describe("what is logged", () => {
  test("becomes an event per line, with its phase and its time", async () => {
    const { ctx, events, pass } = recorded();
    const watch = new Stopwatch(ctx);
    ctx.logger.info("before");
    await watch.time("detect", async () => {
      ctx.output("from a buildpack", "stderr");
      ctx.logger.info("two\nlines\n");
      ctx.logger.warn("careful");
      pass(1500);
    });
    ctx.logger.info("after");
    const time = "1970-01-01T00:16:40.000Z";
    const later = "1970-01-01T00:16:41.500Z";
    const line = { time, type: "output", stream: "log", level: "info" } as const;
    expect(events).toEqual([
      { ...line, phase: undefined, line: "before" },
      { time, type: "phase-started", phase: "detect" },
      { ...line, phase: "detect", stream: "stderr", line: "from a buildpack" },
      { ...line, phase: "detect", line: "two" },
      { ...line, phase: "detect", line: "lines" },
      { time, type: "warning", phase: "detect", message: "careful" },
      { time: later, type: "phase-finished", phase: "detect", seconds: 1.5 },
      { ...line, time: later, phase: undefined, line: "after" },
    ]);
    expect(watch.times).toEqual([{ phase: "detect", seconds: 1.5 }]);
  });

  test("of level debug is told to those who asked for it", () => {
    for (const verbose of [false, true]) {
      const { ctx, events } = recorded(verbose);
      ctx.logger.debug("a detail");
      expect(events.length).toBe(verbose ? 1 : 0);
    }
  });

  test("belongs to no phase after one that failed, and that one never finishes", async () => {
    const { ctx, events } = recorded();
    const failing = new Stopwatch(ctx).time("build", () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    ctx.logger.info("after");
    expect(events.map(({ type }) => type)).toEqual(["phase-started", "output"]);
    expect(events.at(-1)).toMatchObject({ phase: undefined });
  });
});

describe("progress", () => {
  test("tells ten times a second at most, and always the end", () => {
    const { ctx, events, pass } = recorded();
    const step = ctx.progress.start("Sending", { unit: "bytes", total: 100 });
    for (let sent = 0; sent < 100; sent += 1) {
      pass(5);
      step.advance(1);
    }
    step.done();
    const told = events.flatMap((event) => (event.type === "progress" ? [event] : []));
    expect(told.map(({ done }) => done)).toEqual([0, 20, 40, 60, 80, 100, 100]);
    expect(told.at(-1)).toMatchObject({ label: "Sending", unit: "bytes", total: 100, seconds: 0.5, finished: true });
    expect(told.slice(0, -1).every(({ finished }) => !finished)).toBe(true);
  });

  test("of two steps at a time can be told apart", () => {
    const { ctx, events } = recorded();
    for (const label of ["a", "b"]) ctx.progress.start(label).done();
    expect(events.map((event) => event.type === "progress" && [event.label, event.step])).toEqual([
      ["a", 1],
      ["a", 1],
      ["b", 2],
      ["b", 2],
    ]);
  });
});

describe("a failure", () => {
  test("is told with every problem, its causes and the nearest hint", () => {
    const issue = { source: "--uid", path: "", expected: "a number", got: '"x"' };
    const cause = new InputError("INVALID_ARGUMENTS", "bad", [issue], { hint: "look" });
    const error = new TspackError("BUILD_FAILED", "failed", { cause });
    expect(failedEvent(error)).toEqual({
      type: "failed",
      code: "BUILD_FAILED",
      message: "failed",
      issues: [issue],
      causes: ["bad"],
      hint: "look",
    });
    expect(failedEvent(new Error("a bug"))).toMatchObject({ code: "INTERNAL", message: "a bug" });
  });

  test("after an abort is a cancellation, whatever it interrupted", () => {
    const code = (error: unknown, signal: AbortSignal): unknown => (explainFailure(error, signal) as TspackError).code;
    expect(code(new Error("socket closed"), AbortSignal.abort())).toBe("CANCELED");
    expect(code(new TspackError("DISK_FULL", "full"), AbortSignal.abort())).toBe("DISK_FULL");
    const full = Object.assign(new Error("write"), { code: "ENOSPC", syscall: "write" });
    expect(code(full, new AbortController().signal)).toBe("DISK_FULL");
  });
});
