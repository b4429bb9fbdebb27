import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Files by which kinds of applications are known, and what they are made with. */
const marks: Readonly<Record<string, string>> = {
  "package.json": "Node.js",
  Procfile: "any process",
  "go.mod": "Go",
  "requirements.txt": "Python",
  "pyproject.toml": "Python",
  Pipfile: "Python",
  "pom.xml": "Java",
  "build.gradle": "Java",
  "build.gradle.kts": "Java",
  Gemfile: "Ruby",
  "composer.json": "PHP",
  "Cargo.toml": "Rust",
  "mix.exs": "Elixir",
  "deno.json": "Deno",
};

/** Directories that have marks of somebody else's code. */
const foreign = new Set(["node_modules", "vendor", "target", "dist", "build"]);

/**
 * What a person could do about an application that no group wants: an empty directory, one above or
 * beside the application's, or a builder for something else.
 */
export async function detectHints(
  appDir: string,
  path: string,
  buildpacks: readonly string[],
): Promise<readonly string[]> {
  const names = await readdir(appDir);
  if (names.length === 0) return [`${path} is empty: --path names the application's directory`];
  const here = names.filter((name) => marks[name] !== undefined).sort();
  const list = (found: readonly string[]): string => found.map((name) => `${name} (${marks[name]})`).join(", ");
  if (here.length > 0) {
    const has = buildpacks.length === 0 ? "" : `; the builder has ${buildpacks.join(", ")}`;
    return [`${path} has ${list(here)}${has}: another --builder may be made for it, tspack builder suggest names some`];
  }
  const below = await marksBelow(appDir);
  const first = `no ${Object.keys(marks).slice(0, 4).join(", ")} or the like in ${path}`;
  const [nearest] = below;
  if (nearest === undefined) return [`${first}: --path names the application's directory`];
  const others = below.slice(1, 4).map(({ directory }) => directory);
  const more = others.length === 0 ? "" : `, also in ${others.join(", ")}`;
  return [
    `${first}; there is ${list(nearest.found)} in ${nearest.directory}${more}: did you mean --path ${join(path, nearest.directory)}?`,
  ];
}

interface Below {
  readonly directory: string;
  readonly found: readonly string[];
}

/** Two levels of directories, the upper ones first. */
async function marksBelow(appDir: string): Promise<readonly Below[]> {
  const levels: Below[][] = [[], []];
  for (const upper of await directoriesIn(appDir)) {
    levels[0]?.push(await marksIn(appDir, upper));
    for (const lower of await directoriesIn(join(appDir, upper)))
      levels[1]?.push(await marksIn(appDir, join(upper, lower)));
  }
  return levels.flat().filter(({ found }) => found.length > 0);
}

async function marksIn(appDir: string, directory: string): Promise<Below> {
  const names = await readdir(join(appDir, directory)).catch(() => []);
  return { directory, found: names.filter((name) => marks[name] !== undefined).sort() };
}

/** Real directories only, and not endlessly many. */
async function directoriesIn(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && !foreign.has(entry.name))
    .map(({ name }) => name)
    .sort()
    .slice(0, 50);
}
