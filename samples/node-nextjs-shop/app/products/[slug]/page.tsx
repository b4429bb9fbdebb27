import { notFound } from "next/navigation";
import { addToCart } from "@/app/cart/actions";
import { findProduct, price, products } from "@/lib/products";

type Props = { readonly params: Promise<{ readonly slug: string }> };

/** These pages are made by the build. */
export function generateStaticParams() {
  return products.map(({ slug }) => ({ slug }));
}

export async function generateMetadata({ params }: Props) {
  return { title: findProduct((await params).slug)?.name };
}

export default async function ProductPage({ params }: Props) {
  const product = findProduct((await params).slug);
  if (product === undefined) notFound();
  return (
    <article>
      <h1 className="text-2xl">{product.name}</h1>
      <p className="my-4">{product.description}</p>
      <form action={addToCart}>
        <input type="hidden" name="slug" value={product.slug} />
        <button className="rounded bg-green-800 px-4 py-2 text-white">Add for {price(product)}</button>
      </form>
    </article>
  );
}
