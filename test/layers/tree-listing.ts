import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Every entry of a tree with its type, mode and content, sorted by name. */
export function treeListing(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const path = join(directory, name);
      const stats = lstatSync(path);
      const content = stats.isFile() ? readFileSync(path, "latin1") : stats.isSymbolicLink() ? readlinkSync(path) : "";
      return `${name} ${stats.mode.toString(8)} ${content}`;
    });
}
