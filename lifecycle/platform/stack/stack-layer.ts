import type { Context } from "../../context.ts";
import type { Layer } from "../../oci/layer.ts";
import { packEntries, type LayerEntry } from "../../layers/pack-entries.ts";
import type { BlobCache } from "../../stores/blob-cache.ts";
import type { Deb, DebEntry } from "../debian/deb.ts";
import { accountEntries, accountMasters } from "./accounts.ts";
import { certificateEntries, isCertificate } from "./certificates.ts";
import type { LockedPackage } from "./lock.ts";
import type { PackageFiles } from "./package-files.ts";
import type { RootTree } from "./root-tree.ts";
import type { StackFile } from "./stack-file.ts";

/** How many packages are unpacked before it is their turn, and how many bytes these have, packed. */
const openAhead = 2;
const bytesAhead = 4 << 20;

/** What one layer of a stack is made of. */
export interface StackLayerInputs {
  readonly stack: StackFile;
  readonly arch: string;
  /** Whether it is the lowest layer, which has the skeleton and the accounts. */
  readonly isBase: boolean;
  /** Sorted by name. */
  readonly packages: readonly LockedPackage[];
  readonly files: PackageFiles;
  /** What the layers below have; what this one adds is added to it. */
  readonly tree: RootTree;
}

/**
 * Writes one layer: skeleton, packages by name, then what maintainer scripts would have done.
 * A few packages are in memory at a time: the next ones are being unpacked meanwhile.
 */
export async function packStackLayer(inputs: StackLayerInputs, blobs: BlobCache, ctx: Context): Promise<Layer> {
  const step = ctx.progress.start(inputs.isBase ? "Packing the run image" : "Packing the build image", {
    total: inputs.packages.length,
    unit: "items",
  });
  const layer = await packEntries(
    layerEntries(inputs, () => step.advance(1)),
    blobs,
    { signal: ctx.signal },
  );
  step.done();
  return layer;
}

/**
 * A layer with nothing but the list of packages that a run image lacks, for a build image that goes with another run
 * image, too.
 */
export async function packLackingPackages(names: readonly string[], blobs: BlobCache, ctx: Context): Promise<Layer> {
  const { path, ...rest } = buildPackages(names);
  return packEntries([{ name: path, ...rest }], blobs, { signal: ctx.signal });
}

async function* layerEntries(inputs: StackLayerInputs, onPackage: () => void): AsyncGenerator<LayerEntry> {
  const { stack, tree } = inputs;
  const captured = new Captures(stack);
  if (inputs.isBase) yield* placed(tree, "stack.toml", skeleton(stack, inputs.arch));
  for await (const { locked, deb } of openInTurn(inputs)) {
    captured.look(deb);
    yield* placed(tree, locked.name, deb.entries);
    yield* placed(tree, locked.name, statusEntries(locked, deb));
    onPackage();
  }
  if (inputs.isBase) yield* placed(tree, "stack.toml", accountEntries(stack.user, captured.read));
  yield* placed(tree, "stack.toml", captured.copies());
  yield* placed(tree, "stack.toml", certificateEntries(captured.certificates));
  yield* placed(tree, "stack.toml", alternativeEntries(stack, tree));
  if (!inputs.isBase) yield* placed(tree, "stack.toml", [buildPackages(inputs.packages.map(({ name }) => name))]);
}

function* placed(tree: RootTree, owner: string, entries: readonly DebEntry[]): Generator<LayerEntry> {
  for (const entry of entries) {
    for (const { path, ...rest } of tree.place(entry, owner)) yield { name: path, ...rest };
  }
}

// Several are unpacked at a time, so that small ones do not wait behind a large one for a thread that is idle.
async function* openInTurn(
  inputs: StackLayerInputs,
): AsyncGenerator<{ readonly locked: LockedPackage; readonly deb: Deb }> {
  const { packages, files } = inputs;
  const opened: { readonly locked: LockedPackage; readonly deb: Promise<Deb> }[] = [];
  let ahead = 0;
  let next = 0;
  const openMore = (): void => {
    for (let locked = packages[next]; locked !== undefined; locked = packages[next]) {
      if (opened.length > 0 && (opened.length >= openAhead || ahead + locked.size > bytesAhead)) return;
      const deb = files.open(locked);
      // It is awaited later; until then its failure must not count as unhandled.
      deb.catch(() => {});
      opened.push({ locked, deb });
      ahead += locked.size;
      next++;
    }
  };
  for (;;) {
    openMore();
    const first = opened.shift();
    if (first === undefined) return;
    const deb = await first.deb;
    ahead -= first.locked.size;
    openMore();
    yield { locked: first.locked, deb };
  }
}

/** Files of packages that the declared steps read, also where the image itself drops them. */
class Captures {
  readonly certificates = new Map<string, Buffer>();
  readonly #stack: StackFile;
  readonly #wanted: ReadonlySet<string>;
  readonly #files = new Map<string, Buffer>();

  constructor(stack: StackFile) {
    this.#stack = stack;
    this.#wanted = new Set([...stack.copies.map((copy) => copy.from), ...Object.values(accountMasters)]);
  }

  readonly read = (path: string): Buffer | undefined => this.#files.get(path);

  look(deb: Deb): void {
    for (const { path, content } of deb.entries) {
      if (content === undefined) continue;
      if (this.#wanted.has(path)) this.#files.set(path, content);
      if (isCertificate(path)) this.certificates.set(path, content);
    }
  }

  copies(): readonly DebEntry[] {
    return this.#stack.copies.flatMap(({ from, to, mode }) => {
      const content = this.#files.get(from);
      return content === undefined ? [] : [{ path: to, type: "file", mode, uid: 0, gid: 0, content }];
    });
  }
}

function skeleton(stack: StackFile, arch: string): readonly DebEntry[] {
  const links = stack.links.filter((each) => each.arch.length === 0 || each.arch.includes(arch));
  return [
    ...stack.directories.map((each): DebEntry => ({ type: "dir", ...each })),
    ...links.map(({ path, target }) => link(path, target)),
    ...stack.files.map(({ path, mode, content }) => textFile(path, mode, content)),
  ];
}

function textFile(path: string, mode: number, text: string): DebEntry {
  return { path, type: "file", mode, uid: 0, gid: 0, content: Buffer.from(text) };
}

function link(path: string, linkname: string): DebEntry {
  return { path, type: "symlink", mode: 0o777, uid: 0, gid: 0, linkname };
}

// The form in which scanners read the packages of an image that has no package manager.
function statusEntries(locked: LockedPackage, deb: Deb): readonly DebEntry[] {
  const control = deb.control.trimEnd().replace(/^(Package: .*)$/m, "$1\nStatus: install ok installed");
  const status = textFile(`var/lib/dpkg/status.d/${locked.name}`, 0o644, `${control}\n`);
  if (deb.md5sums === "") return [status];
  return [status, textFile(`var/lib/dpkg/status.d/${locked.name}.md5sums`, 0o644, deb.md5sums)];
}

// status.d lists the packages of all layers. What a buildpack adds for the app's image has to know which of them the
// run image does not have.
function buildPackages(names: readonly string[]): DebEntry {
  return textFile("var/lib/dpkg/build-packages", 0o644, names.map((name) => `${name}\n`).join(""));
}

function alternativeEntries(stack: StackFile, tree: RootTree): readonly DebEntry[] {
  return stack.alternatives
    .filter(({ path, link: name }) => tree.has(path) && !tree.has(name))
    .flatMap(({ name, link: from, path }) => [
      link(`etc/alternatives/${name}`, `/${path}`),
      link(from, `/etc/alternatives/${name}`),
    ]);
}
