import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { errorCode } from "../../errors.ts";
import { systemMessage } from "../system-message.ts";

/**
 * Why an executable cannot be started, or undefined when nothing speaks against it. Asked before
 * the start because Node blames the executable when the working directory is missing, and gives
 * a text file without `#!` to a shell where the kernel refuses it.
 */
export function startFailure(executable: string, cwd: string): string | undefined {
  const noDirectory = attempt(() => accessSync(cwd, constants.X_OK));
  if (noDirectory !== undefined) return `chdir ${cwd}: ${systemMessage(noDirectory)}`;
  const refused = attempt(() => accessSync(executable, constants.X_OK));
  if (refused !== undefined) return startReason(executable, refused);
  if (statSync(executable).isDirectory()) return startReason(executable, { code: "EACCES" });
  return isTextWithoutInterpreter(executable) ? startReason(executable, { code: "ENOEXEC" }) : undefined;
}

/** The reason as platforms know it: call, path and the operating system's words. */
export function startReason(executable: string, error: unknown): string {
  return `fork/exec ${executable}: ${systemMessage(error)}`;
}

function isTextWithoutInterpreter(executable: string): boolean {
  const head = Buffer.alloc(128);
  let length: number;
  try {
    const fd = openSync(executable, "r");
    try {
      length = readSync(fd, head);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    // It may be executable without being readable; then the kernel knows best.
    if (errorCode(error) === "EACCES") return false;
    throw error;
  }
  const start = head.subarray(0, length);
  return !start.subarray(0, 2).equals(Buffer.from("#!")) && !start.includes(0);
}

function attempt(action: () => void): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}
