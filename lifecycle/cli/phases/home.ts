import { accessSync, constants, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "../../logger.ts";

type Variables = Readonly<Record<string, string>>;

/**
 * Variables with a `HOME` that this process can write to, because package managers insist on
 * one: the given, else that of `/etc/passwd` for a user, else an empty directory below `TMPDIR`
 * that goes with the process. Root's home is useless to whom root became, and a user that the
 * image does not know has `/`.
 */
export function withWritableHome(variables: Variables, uid: number | undefined, logger: Logger): Variables {
  const { HOME: given } = variables;
  const found = [given, homeInPasswd(uid)].find((home) => home !== undefined && isWritable(home));
  if (found !== undefined) return { ...variables, HOME: found };
  try {
    const HOME = mkdtempSync(join(tmpdir(), "tspack-home-"));
    process.once("exit", () => rmSync(HOME, { recursive: true, force: true }));
    return { ...variables, HOME };
  } catch {
    logger.warn(
      `No writable home directory for buildpacks: neither ${given ?? "HOME"} nor ${tmpdir()} can be written to`,
    );
    return variables;
  }
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return statSync(directory).isDirectory();
  } catch {
    return false;
  }
}

function homeInPasswd(uid: number | undefined): string | undefined {
  if (uid === undefined) return undefined;
  try {
    const rows = readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"));
    return rows.find((row) => row[2] === String(uid))?.[5];
  } catch {
    return undefined;
  }
}
