import { useEffect, useMemo, useState } from 'react';
import { thumbHashToDataURL } from 'thumbhash';
import type { ImageFieldsFragment } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { refetchImage } from '../gateway/taskEvents';
import { toRelativeUrl } from '../gateway/urls';
import { useSignal } from './signal';

interface Props {
  image: ImageFieldsFragment;
  variant: 'url' | 'preview' | 'thumbnail';
  alt: string;
  /** Load the image when it scrolls into view. */
  lazy?: boolean;
  /** Refetches the image if it does not come from `gateway.tasks`. */
  onBroken?: () => void;
}

const retryDelayMs = 10_000;

/**
 * An image on top of its blurred placeholder. Image URLs expire: when one fails to load, its task is refetched, which
 * signs a new URL. After a reconnect it is tried again.
 */
export function ImageView({ image, variant, alt, lazy = true, onBroken }: Props) {
  const gateway = useGateway();
  const { reconnects } = useSignal(gateway.connection);
  const [failed, setFailed] = useState<string | null>(null);
  const src = toRelativeUrl(image[variant]);
  const blurredUrl = useMemo(() => placeholder(image.thumbhash), [image.thumbhash]);

  useEffect(() => setFailed(null), [reconnects]);
  // The same URL may work later, for example if the image store was unavailable.
  useEffect(() => {
    if (failed !== src) return;
    const timer = setTimeout(() => setFailed(null), retryDelayMs);
    return () => clearTimeout(timer);
  }, [failed, src]);
  const handleError = () => {
    setFailed(src);
    if (onBroken) onBroken();
    else void refetchImage(gateway, image.id);
  };

  return (
    <span
      className="image-view"
      style={{ backgroundImage: blurredUrl && `url(${blurredUrl})`, aspectRatio: `${image.width} / ${image.height}` }}
    >
      {failed === src ? (
        <img alt={alt} width={image.width} height={image.height} />
      ) : (
        <img
          src={src}
          alt={alt}
          width={image.width}
          height={image.height}
          loading={lazy ? 'lazy' : 'eager'}
          decoding="async"
          draggable={false}
          onError={handleError}
        />
      )}
    </span>
  );
}

function placeholder(thumbhash: string | null): string | undefined {
  if (thumbhash === null) return undefined;
  return thumbHashToDataURL(Uint8Array.from(atob(thumbhash), (letter) => letter.charCodeAt(0)));
}
