import type { Key } from "openpgp";
import { TspackError } from "../../errors.ts";

/** Public keys as they are in a file: ASCII-armoured text, or binary. */
export type Keyring = Uint8Array;

/** What to check a signed text with. */
export interface SignatureCheck {
  readonly keyrings: readonly Keyring[];
  /** Keys that have expired by then are not accepted. */
  readonly now: Date;
  /** What messages call the text. */
  readonly source: string;
}

/**
 * Checks a text with an inline signature (`InRelease`) and gives what was signed, nothing
 * around it. One good signature by a known key suffices, because an archive signs with the
 * keys of the coming release too. Throws `SIGNATURE_INVALID`.
 */
export async function verifyInlineSigned(signed: string, check: SignatureCheck): Promise<string> {
  const { readCleartextMessage, verify } = await import("openpgp");
  const keys = await readKeyrings(check);
  const reasons: string[] = [];
  try {
    const message = await readCleartextMessage({ cleartextMessage: signed });
    const result = await verify({ message, verificationKeys: [...keys], date: check.now });
    for (const signature of result.signatures) {
      const reason = await signature.verified.then(() => undefined, messageOf);
      // The dashes that a signed line may be escaped with are taken off by the library.
      if (reason === undefined) return message.getText();
      reasons.push(`${signature.keyID.toHex()}: ${reason}`);
    }
  } catch (error) {
    reasons.push(messageOf(error));
  }
  throw new TspackError(
    "SIGNATURE_INVALID",
    `${check.source} has no good signature by a known key\n  ${reasons.join("\n  ") || "it is not signed"}`,
    { hint: "use another mirror; if the archive changed its keys, give a newer keyring in stack.toml" },
  );
}

async function readKeyrings(check: SignatureCheck): Promise<readonly Key[]> {
  const { readKeys } = await import("openpgp");
  const rings = check.keyrings.map(async (ring) => {
    const text = Buffer.from(ring).toString("latin1");
    // A keyring may be several armoured blocks one after the other; the library reads one.
    const blocks = text.match(/-----BEGIN PGP PUBLIC KEY BLOCK-----[^]*?-----END PGP PUBLIC KEY BLOCK-----/g);
    if (blocks === null) return readKeys({ binaryKeys: ring });
    return (await Promise.all(blocks.map((armoredKeys) => readKeys({ armoredKeys })))).flat();
  });
  try {
    return (await Promise.all(rings)).flat();
  } catch (error) {
    throw new TspackError("SIGNATURE_INVALID", `A keyring cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
