/** A product's picture or a placeholder. It is decorative, since the name stands beside it. */
export function ProductPicture({ image, small = false }: { image: string | null | undefined; small?: boolean }) {
  const size = small ? 48 : 240;
  return image ? (
    <img className="picture" src={image} alt="" width={size} height={size} loading={small ? 'lazy' : 'eager'} />
  ) : (
    <span className="picture picture-none" style={{ width: size, height: size }} aria-hidden="true" />
  );
}
