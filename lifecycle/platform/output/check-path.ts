import { readdir, stat } from "node:fs/promises";
import { errorCode, InputError } from "../../errors.ts";

/**
 * Refuses a path of `--output` that could not be written at the end of the build, or where writing
 * would mix with other things. Throws `INVALID_ARGUMENTS`.
 */
export async function checkOutputPath(kind: "oci" | "oci-archive" | "docker-archive", path: string): Promise<void> {
  const problem = kind === "oci" ? await layoutProblem(path) : await fileProblem(path);
  if (problem === undefined) return;
  const issue = { source: `--output ${kind}:${path}`, path: "", ...problem };
  throw new InputError("INVALID_ARGUMENTS", "the image can not be written there", [issue], {
    hint: kind === "oci" ? "name a directory that is new, empty or an OCI layout" : "name a file",
  });
}

interface Problem {
  readonly expected: string;
  readonly got: string;
}

async function layoutProblem(path: string): Promise<Problem | undefined> {
  const expected = "a directory that is new, empty or an OCI layout";
  try {
    const names = await readdir(path);
    if (names.length === 0 || names.includes("oci-layout")) return undefined;
    return { expected, got: `a directory with ${names.length === 1 ? "a file" : "files"} of another kind` };
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    if (errorCode(error) === "ENOTDIR") return { expected, got: "a file" };
    throw error;
  }
}

async function fileProblem(path: string): Promise<Problem | undefined> {
  try {
    const found = await stat(path);
    if (found.isFile()) return undefined;
    return { expected: "a file, or nothing", got: found.isDirectory() ? "a directory" : "something else" };
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    if (errorCode(error) === "ENOTDIR") return { expected: "a file in a directory", got: "a file in a file" };
    throw error;
  }
}
