import { useId } from 'react';
import type { ImageFieldsFragment } from '../../gql/graphql';
import { AddToBoard } from '../boards/AddToBoard';
import { useDraft } from '../create/DraftProvider';
import { isActive, type Task } from '../gateway/taskStore';
import { toRelativeUrl } from '../gateway/urls';
import { messages } from '../messages';
import { parseAspectRatio } from '../ui/aspectRatio';
import { ConfirmButton } from '../ui/ConfirmButton';
import { Icon } from '../ui/Icon';
import { ImageView } from '../ui/ImageView';
import { Popover } from '../ui/Popover';
import { Progress } from './Progress';
import { UnconfirmedNotice } from './UnconfirmedNotice';
import { useTaskActions } from './useTaskActions';

/** The images of a task in full size, with placeholders for pending ones and the failure. */
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
      {task.status === 'CANCELED' && task.images.length === 0 && <p className="empty">{messages.task.canceledEarly}</p>}
      {task.status === 'SUCCEEDED' && task.images.length === 0 && (
        <p className="empty">{messages.task.imagesDeleted}</p>
      )}
    </div>
  );
}

function TaskImage({ task, image, number }: { task: Task; image: ImageFieldsFragment; number: number }) {
  const descriptionId = useId();
  const { edit } = useDraft();
  const alt = messages.task.imageAlt(task.prompt, number, task.images.length);
  return (
    <figure className="task-image">
      <a href={toRelativeUrl(image.url)} target="_blank" rel="noopener" className="task-image-link">
        <ImageView image={image} variant="url" alt={alt} lazy={false} />
      </a>
      <figcaption className="row">
        <span id={descriptionId} className="hint">
          {messages.task.imageFacts(image.width, image.height, formatBytes(image.byteSize))}
        </span>
        <button type="button" onClick={() => edit(image, task.prompt)}>
          <Icon name="edit" /> {messages.task.editImage}
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
      label={messages.task.deleteImage(number)}
      question={messages.task.deleteImageQuestion(number, task.images.length)}
      consequence={messages.task.deleteImageConsequence}
      action={messages.common.delete}
      danger
      onConfirm={async () => void (await removeImage(image.id))}
    />
  );
}

function Downloads({ image }: { image: ImageFieldsFragment }) {
  const extension = image.contentType.split('/')[1];
  return (
    <Popover
      trigger={
        <>
          <Icon name="download" /> {messages.task.download}
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
              {messages.task.variants[variant]}
            </a>
          </li>
        ))}
      </ul>
    </Popover>
  );
}

function formatBytes(bytes: number): string {
  if (bytes < 1e6) return messages.task.kilobytes(Math.round(bytes / 1e3));
  return messages.task.megabytes((bytes / 1e6).toFixed(1));
}
