import type { Metadata } from "next";
import Link from "next/link";
import "./globals.css";

export const metadata: Metadata = {
  title: { default: "Teas", template: "%s - Teas" },
  description: "A small shop",
};

export default function RootLayout({ children }: Readonly<{ children: React.ReactNode }>) {
  return (
    <html lang="en">
      <body className="mx-auto max-w-3xl p-8">
        <nav className="mb-8 flex justify-between">
          <Link href="/" className="font-bold">
            Teas
          </Link>
          <Link href="/cart">Cart</Link>
        </nav>
        <main>{children}</main>
      </body>
    </html>
  );
}
