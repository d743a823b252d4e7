import { useId } from 'react';
import type { ImageFieldsFragment } from '../../gql/graphql';
import { AddToBoard } from '../boards/AddToBoard';
import { useDraft } from '../create/DraftProvider';
import { toRelativeUrl } from '../gateway/urls';
import { isActive, type Task } from '../gateway/taskStore';
import { parseAspectRatio } from '../ui/aspectRatio';
import { ConfirmButton } from '../ui/ConfirmButton';
import { Icon } from '../ui/Icon';
import { Popover } from '../ui/Popover';
import { ImageView } from '../ui/ImageView';
import { useTaskActions } from './useTaskActions';
import { Progress } from './Progress';
import { UnconfirmedNotice } from './UnconfirmedNotice';

/** The images of a task, large; what is awaited, and what went wrong, in their place. */
export function TaskImages({ task }: { task: Task }) {
  return (
    <div className="task-images">
      {task.images.map((image, index) => (
        <TaskImage key={image.id} task={task} image={image} number={index + 1} />
      ))}
      {isActive(task) && (
        <div className="task-image-pending pending" style={{ aspectRatio: parseAspectRatio(task.aspectRatio) }}>
          {task.status === 'UNCONFIRMED' ? <UnconfirmedNotice task={task} /> : <Progress task={task} />}
        </div>
      )}
      {task.failure && (
        <p className="notice error failure">
          <Icon name="warning" />
          <span>
            <strong>{task.failure.message}</strong> {task.failure.advice}
          </span>
        </p>
      )}
      {task.status === 'CANCELED' && task.images.length === 0 && (
        <p className="empty">Canceled before there was an image.</p>
      )}
      {task.status === 'SUCCEEDED' && task.images.length === 0 && <p className="empty">Its images were deleted.</p>}
    </div>
  );
}

function TaskImage({ task, image, number }: { task: Task; image: ImageFieldsFragment; number: number }) {
  const descriptionId = useId();
  const { edit } = useDraft();
  const alt = task.images.length > 1 ? `${task.prompt} (${number} of ${task.images.length})` : task.prompt;
  return (
    <figure className="task-image">
      <a href={toRelativeUrl(image.url)} target="_blank" rel="noopener" className="task-image-link">
        <ImageView image={image} variant="url" alt={alt} lazy={false} />
      </a>
      <figcaption className="row">
        <span id={descriptionId} className="hint">
          {image.width} × {image.height} · {sizeOf(image.byteSize)}
        </span>
        <button type="button" onClick={() => edit(image, task.prompt)}>
          <Icon name="edit" /> Edit this
        </button>
        <AddToBoard imageId={image.id} describedBy={descriptionId} />
        <Downloads image={image} />
        {task.images.length > 1 && <DeleteImage task={task} image={image} number={number} />}
      </figcaption>
    </figure>
  );
}

function DeleteImage({ task, image, number }: { task: Task; image: ImageFieldsFragment; number: number }) {
  const { removeImage } = useTaskActions(task.id);
  return (
    <ConfirmButton
      className="icon-button quiet"
      trigger={<Icon name="remove" />}
      label={`Delete image ${number}`}
      question={`Delete image ${number} of ${task.images.length}?`}
      consequence="Its file goes with it, also from boards. There is no way back."
      action="Delete"
      danger
      onConfirm={async () => void (await removeImage(image.id))}
    />
  );
}

const variantNames = {
  url: 'Original',
  preview: 'Preview, at most 1,024 pixels',
  thumbnail: 'Thumbnail, at most 256 pixels',
} as const;

function Downloads({ image }: { image: ImageFieldsFragment }) {
  const extension = image.contentType.split('/')[1];
  return (
    <Popover
      trigger={
        <>
          <Icon name="download" /> Download
        </>
      }
    >
      <ul className="downloads">
        {(['url', 'preview', 'thumbnail'] as const).map((variant) => (
          <li key={variant}>
            <a
              href={toRelativeUrl(image[variant])}
              download={`${image.id}-${variant === 'url' ? 'original' : variant}.${extension}`}
            >
              {variantNames[variant]}
            </a>
          </li>
        ))}
      </ul>
    </Popover>
  );
}

function sizeOf(bytes: number): string {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
