import { readFile } from "node:fs/promises";

/** What a file of somebody's configuration says; nothing when it is not there or not for us to read. */
export async function textOf(path: string | undefined): Promise<string> {
  if (path === undefined) return "";
  return readFile(path, "utf8").catch(() => "");
}
