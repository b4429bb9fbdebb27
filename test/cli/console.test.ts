import { describe, expect, test } from "vitest";
import { lineLogger, printable } from "../../lifecycle/cli/console.ts";
import { barScreen } from "../../lifecycle/cli/bar-screen.ts";
import { consoleProgress, formatBytes, progressBar } from "../../lifecycle/cli/progress.ts";

function written(work: (write: (text: string) => void) => void): string {
  let text = "";
  work((part) => (text += part));
  return text;
}

test("text of others can not move the cursor, hide lines or change the title of a terminal", () => {
  const text = "a\tb\n\u001B[2K\u001B]0;title\u0007\r\u009B1A\u007Fé中";
  expect(printable(text)).toBe("a\tb\n\\x1b[2K\\x1b]0;title\\x07\\x0d\\x9b1A\\x7fé中");
});

describe("the lines of the lifecycle", () => {
  test("have the reference's words and colours", () => {
    const text = written((write) => {
      const logger = lineLogger(write, { level: "info", color: true });
      logger.phase("ANALYZING");
      logger.warn("careful");
      logger.error("broken");
      logger.debug("not shown");
    });
    expect(text).toBe(
      "\u001B[36m===> ANALYZING\u001B[0m\n\u001B[33;1mWarning: \u001B[0mcareful\n\u001B[31;1mERROR: \u001B[0mbroken\n",
    );
  });

  test("are plain without colour, and only as loud as asked", () => {
    const text = written((write) => {
      const logger = lineLogger(write, { level: "warn", color: false });
      logger.info("not shown");
      logger.warn("careful\n");
      logger.say("why it failed");
    });
    expect(text).toBe("Warning: careful\nwhy it failed\n");
  });
});

describe("progress", () => {
  test("off a terminal it is one plain line per step", () => {
    let now = 0;
    const text = written((write) => {
      const step = consoleProgress({ write, now: () => now }).start("Downloading", { unit: "bytes" });
      step.total(3000);
      step.advance(1500);
      step.advance(1500);
      now = 2100;
      step.done();
    });
    expect(text).toBe("Downloading: 3.0 kB (2.1 s)\n");
  });

  test("on a terminal a bar is drawn over itself and ends as a line", () => {
    let now = 0;
    const text = written((write) => {
      const step = consoleProgress({ ...barScreen(write, () => 80), now: () => now }).start("Packing", { total: 4 });
      now = 1000;
      step.advance(2);
      step.done("4 layers");
    });
    expect(text).toContain("\r\u001B[KPacking [############............] 2 of 4");
    expect(text.endsWith("\r\u001B[KPacking: 4 layers (1.0 s)\n")).toBe(true);
  });

  test("a line goes above the bar, which is drawn below it again", () => {
    let now = 0;
    const text = written((write) => {
      const screen = barScreen(write, () => undefined);
      const step = consoleProgress({ ...screen, now: () => now }).start("Packing");
      lineLogger(screen.write, { level: "info", color: false }).warn("careful");
      now = 1000;
      step.advance(1);
      screen.clear();
      screen.clear();
    });
    const erase = "\r\u001B[K";
    expect(text).toBe(`${erase}Packing 0${erase}Warning: careful\n${erase}Packing 1${erase}`);
  });

  test.each([
    [80, "Sending registry.test/team/app:1 [############............] 2.0 MB of 4.0 MB"],
    [60, "Sending registry.test/team/app:1 2.0 MB of 4.0 MB"],
    [40, "Sending registry.test… 2.0 MB of 4.0 MB"],
    [18, " 2.0 MB of 4.0 MB"],
    [5, " 2.0"],
  ])("in %i columns a bar has one line, which can be drawn over", (columns, bar) => {
    const state = { label: "Sending registry.test/team/app:1", unit: "bytes", done: 2e6, total: 4e6 } as const;
    const drawn = progressBar({ ...state, seconds: 0, finished: false }, columns);
    expect(drawn).toBe(bar);
    expect(drawn.length).toBeLessThan(columns);
  });

  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [14_650_000, "14.7 MB"],
    [204_000_000, "204 MB"],
    [999_600, "1.0 MB"],
    [5e9, "5.0 GB"],
  ])("%i bytes are %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
