import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** Each changes the tree in one way; times of modification are set back where a program can do that. */
export const changes: readonly ((tree: string, which: number) => void)[] = [
  (tree, which) => keepingTime(pick(tree, which), (file) => appendFileSync(file, "!")),
  (tree, which) => keepingTime(pick(tree, which), (file) => writeFileSync(file, readFileSync(file).fill("x"))),
  (tree, which) => keepingTime(pick(tree, which), (file) => writeFileSync(file, readFileSync(file))),
  (tree, which) => chmodSync(pick(tree, which), 0o755),
  (tree, which) => utimesSync(pick(tree, which), 1, 1),
  (tree, which) => replace(pick(tree, which)),
  (tree, which) => rmSync(pick(tree, which)),
  (tree, which) => renameSync(pick(tree, which), `${pick(tree, which)}-renamed`),
  (tree) => swap(join(tree, "lib/one"), join(tree, "lib/two")),
  (tree) => writeFileSync(join(tree, "lib/new"), ""),
  (tree) => writeFileSync(join(tree, "new"), ""),
  (tree) => mkdirSync(join(tree, "lib/empty/new")),
  (tree) => rmSync(join(tree, "lib/empty"), { recursive: true }),
  (tree) => chmodSync(tree, 0o700),
  (tree) => keepingTime(join(tree, "env/NAME"), (file) => writeFileSync(file, "VALUE")),
  (tree) => chmodSync(join(tree, "env/NAME"), 0o600),
  (tree) => chmodSync(join(tree, "exec.d"), 0o700),
  (tree) => renameSync(join(tree, "env/NAME"), join(tree, "env/OTHER")),
  (tree) => renameSync(join(tree, "env"), join(tree, "env.build")),
  (tree) => {
    rmSync(join(tree, "env/NAME"));
    symlinkSync("value", join(tree, "env/NAME"));
  },
  (tree) => chmodSync(join(tree, "lib"), 0o700),
  (tree) => linkSync(join(tree, "three"), join(tree, "lib/hard")),
  (tree) => relink(join(tree, "lib/link")),
  (tree) => copyOver(tree),
];

/** Writes a file with a time of modification that a program can set exactly, so that it can be set back. */
export function writeDated(path: string, content: string): void {
  writeFileSync(path, content);
  utimesSync(path, 1_000_000_000, 1_000_000_000);
}

function pick(tree: string, which: number): string {
  const files = ["lib/one", "lib/two", "three"];
  return join(tree, files[which % files.length] ?? "three");
}

function keepingTime(file: string, change: (file: string) => void): void {
  const { atime, mtime } = statSync(file);
  change(file);
  utimesSync(file, atime, mtime);
}

function replace(file: string): void {
  writeFileSync(`${file}.new`, readFileSync(file));
  renameSync(`${file}.new`, file);
}

function swap(one: string, two: string): void {
  renameSync(one, `${one}.aside`);
  renameSync(two, one);
  renameSync(`${one}.aside`, two);
}

function relink(link: string): void {
  rmSync(link);
  symlinkSync("two", link);
}

/** Another directory takes the tree's place, of which only the inodes differ. */
function copyOver(tree: string): void {
  const files = readdirSync(join(tree, "lib"));
  if (files.length === 0) throw new Error(`${tree} has no files`);
  renameSync(tree, `${tree}-old`);
  mkdirSync(join(tree, "lib/empty"), { recursive: true });
  for (const file of ["lib/one", "lib/two", "three"])
    writeFileSync(join(tree, file), readFileSync(join(`${tree}-old`, file)));
  symlinkSync("one", join(tree, "lib/link"));
  for (const directory of ["env", "env.launch", "exec.d"])
    renameSync(join(`${tree}-old`, directory), join(tree, directory));
  rmSync(`${tree}-old`, { recursive: true });
}
