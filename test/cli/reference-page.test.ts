import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { buildProgram } from "../../lifecycle/cli/program.ts";
import { referencePage } from "../../lifecycle/cli/reference-page.ts";

const file = resolve(import.meta.dirname, "../../docs/reference.md");

/** The page as the commands are now; nothing runs. */
function currentPage(): string {
  return referencePage(
    buildProgram({
      argv: [],
      env: {},
      cwd: "/",
      uid: 1000,
      packageRoot: "/nowhere",
      stdout: () => {},
      stderr: () => {},
      terminal: false,
      color: false,
      signal: new AbortController().signal,
    }),
  );
}

test("docs/reference.md is what the commands say (npm run reference writes it)", () => {
  const page = currentPage();
  if (process.env["UPDATE_REFERENCE"] === "1") writeFileSync(file, page);
  expect(existsSync(file) ? readFileSync(file, "utf8") : "").toBe(page);
});

test("the reference page has every command with its options, arguments and examples", () => {
  const page = currentPage();
  expect(page).toContain("## tspack config registry-mirrors add\n");
  expect(page).toContain("| `-m, --mirror <registry>` | HOST[:PORT][/PATH] of the mirror |");
  expect(page).toContain("| `<registry>` | HOST[:PORT] of the registry, or * for every one |");
  expect(page).toContain("\ntspack config registry-mirrors add docker.io --mirror mirror.example.com:5000\n");
  // What is for scripts of shells only.
  expect(page).not.toContain("tspack complete");
  // Every section has an example of its own.
  const sections = page.split("\n## ").slice(2);
  for (const section of sections) expect(section).toMatch(/\n```\n(?:.* )?tspack .*\n(?:.*\n)*```\n$/);
});
