import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { exitCodeOf, exitCodeTable } from "../../lifecycle/cli/exit-codes.ts";
import { errorDetails, renderError } from "../../lifecycle/cli/render-error.ts";
import { explainSystemError } from "../../lifecycle/platform/system-error.ts";
import { InputError, RemoteError, TspackError } from "../../lifecycle/errors.ts";

describe("an error as text", () => {
  test("names every problem with its place, and what to do", () => {
    const issues = [
      { source: "buildpack.toml:7:8", path: "buildpack.id", expected: "letters and digits", got: '"app"' },
      { source: "buildpack.toml:12:1", path: "targets[1].os", expected: "a string", got: "integer 3" },
    ];
    const error = new InputError("INVALID_BUILDPACK", "2 problems in buildpack.toml", issues, {
      hint: "see the specification",
    });
    expect(renderError(error).split("\n")).toEqual([
      "error INVALID_BUILDPACK: 2 problems in buildpack.toml",
      '  buildpack.toml:7:8   buildpack.id   expected letters and digits, got "app"',
      "  buildpack.toml:12:1  targets[1].os  expected a string, got integer 3",
      "hint: see the specification",
    ]);
  });

  test("shows what a name of others has in it, and does not act on it", () => {
    const issue = { source: "a\u001B[2K", path: "", expected: "b", got: "\u0007" };
    const error = new InputError("INVALID_TAR", "the entry \u001B]0;x is bad", [issue]);
    expect(renderError(error)).toBe(
      "error INVALID_TAR: the entry \\x1b]0;x is bad\n  a\\x1b[2K  expected b, got \\x07",
    );
  });

  test("says which side of a transfer failed and how it answered", () => {
    const remote = {
      status: 403,
      method: "PUT",
      url: "https://r.example/v2/a/manifests/1",
      remoteCode: "DENIED",
      side: "destination",
    } as const;
    expect(errorDetails(new RemoteError("FORBIDDEN", "not allowed", remote))).toEqual([
      "  PUT https://r.example/v2/a/manifests/1: status 403 DENIED (destination)",
    ]);
  });

  test("tells causes that say more than the message, and takes the nearest hint", () => {
    const inner = new TspackError("DOWNLOAD_FAILED", "connection refused", { hint: "check the mirror" });
    const outer = new TspackError("INVALID_STACK", "no packages: connection refused", { cause: inner });
    expect(errorDetails(outer)).toEqual(["hint: check the mirror"]);
    expect(errorDetails(new TspackError("INVALID_STACK", "no packages", { cause: inner }))).toEqual([
      "  because: connection refused",
      "hint: check the mirror",
    ]);
  });

  test("a bug keeps its stack and asks to be reported", () => {
    const text = renderError(new TypeError("x is not a function"));
    expect(text).toMatch(/^internal error: TypeError: x is not a function\n\s+at /);
    expect(text).toMatch(/hint: this is a bug/);
  });
});

describe("what the operating system refuses", () => {
  const refusal = (path: string): unknown => {
    try {
      return readFileSync(path);
    } catch (error) {
      return error;
    }
  };

  test("is no bug: path and reason, a hint, no stack", () => {
    const shown = explainSystemError(refusal("/proc/self/none/of/this"));
    expect(renderError(shown)).toMatch(
      /^error SYSTEM_REFUSED: ENOENT: .*\/proc\/self\/none\/of\/this'\nhint: check the path/,
    );
    expect(exitCodeOf(shown)).toBe(1);
  });

  test("is a full disk wherever that stands among the causes", () => {
    const full = Object.assign(new Error("write"), { code: "ENOSPC", syscall: "write" });
    expect(explainSystemError(new TspackError("EXPORT_FAILED", "failed", { cause: full }))).toMatchObject({
      code: "DISK_FULL",
    });
  });

  test("leaves bugs and our own errors as they are", () => {
    const [bug, own] = [new TypeError("x"), new TspackError("EXPORT_FAILED", "failed")];
    expect([explainSystemError(bug), explainSystemError(own)]).toEqual([bug, own]);
  });
});

describe("exit codes", () => {
  test("are those of the Platform specification", () => {
    const of = (code: keyof typeof exitCodeTable): number => exitCodeOf(new TspackError(code, ""));
    expect([
      of("PLATFORM_API_UNSUPPORTED"),
      of("BUILDPACK_API_UNSUPPORTED"),
      of("DETECT_FAILED"),
      of("DETECT_ERROR"),
      of("ANALYZE_FAILED"),
      of("RESTORE_FAILED"),
    ]).toEqual([11, 12, 20, 21, 32, 42]);
    expect([
      of("BUILDPACK_FAILED"),
      of("BUILD_FAILED"),
      of("EXPORT_FAILED"),
      of("REBASE_FAILED"),
      of("EXTEND_FAILED"),
      of("INVALID_ARGUMENTS"),
    ]).toEqual([51, 52, 62, 72, 102, 3]);
  });

  test("a bug is 1, and every code has a number that a shell can hold", () => {
    expect(exitCodeOf(new Error("bug"))).toBe(1);
    expect(
      Object.values(exitCodeTable).filter((number) => !Number.isInteger(number) || number < 1 || number > 255),
    ).toEqual([]);
  });
});
