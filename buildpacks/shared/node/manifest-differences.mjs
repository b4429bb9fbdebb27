// What package.json wants and the lock file was not made for, after an installation that failed for it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const MOST = 5;

/** Directories with a package.json, from the application's: its own and those of its workspaces. */
const projectsIn = (application, directory = application) =>
  readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith("."))
    .flatMap((entry) => projectsIn(application, join(directory, entry.name)))
    .concat(existsSync(join(directory, "package.json")) ? [relative(application, directory) || "."] : [])
    .sort();

const wantedBy = (directory) => {
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  return Object.entries({ ...manifest.devDependencies, ...manifest.optionalDependencies, ...manifest.dependencies });
};

/** The line of a package.json that asks for a package. */
const lineOf = (file, name, range) => {
  const lines = readFileSync(file, "utf8").split("\n");
  const both = lines.findIndex((line) => line.includes(JSON.stringify(name)) && line.includes(JSON.stringify(range)));
  return both >= 0 ? both + 1 : lines.findIndex((line) => line.includes(JSON.stringify(name))) + 1;
};

/** One line for people; `lockedRange(directory, name)` is what the lock has for a package of that project. */
export function manifestDifferences(application, lockedRange) {
  const differences = projectsIn(application).flatMap((directory) =>
    wantedBy(join(application, directory)).flatMap(([name, range]) => {
      const locked = lockedRange(directory, name);
      if (locked === range) return [];
      const file = join(directory, "package.json");
      return [
        `${file}:${lineOf(join(application, file), name, range)} wants ${name} "${range}", the lock has ${locked === undefined ? "none" : `"${locked}"`}`,
      ];
    }),
  );
  const more = differences.length > MOST ? [`and ${differences.length - MOST} more`] : [];
  return [...differences.slice(0, MOST), ...more].join("; ") || "see above";
}
