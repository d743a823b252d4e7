import { createElement, Fragment, type ReactNode } from 'react';
import type {
  BoardKind,
  OutputFormat,
  Resolution,
  Role,
  TaskStatus,
  TimelineEventKind,
  WebhookDeliveryState,
} from '../gql/graphql';

type QuotaPart = 'granted' | 'available' | 'reserved' | 'spent';

/** The language of these texts, and the format of numbers and dates. */
export const locale = 'en-GB';

/** A text that contains elements, such as links. */
const rich = (texts: TemplateStringsArray, ...elements: ReactNode[]) =>
  createElement(Fragment, null, ...texts.flatMap((text, index) => [text, elements[index]]));

const user = 'User';
const irreversible = 'This cannot be undone.';

const images = (count: number) => (count === 1 ? '1 image' : `${count} images`);
const creditsUnit = (amount: string) => (amount === '1' ? 'credit' : 'credits');
const credits = (amount: string) => `${amount} ${creditsUnit(amount)}`;

/** By slug. A provider that is not listed is shown by its slug. */
const providers: Record<string, string> = {
  'nano-banana': 'NanoBanana',
  'flux-kontext': 'Flux Kontext',
  'ace-data': 'Ace Data Cloud',
};

const taskStatus: Record<TaskStatus, string> = {
  QUEUED: 'Queued',
  GENERATING: 'Generating',
  UNCONFIRMED: 'Unconfirmed',
  STORING: 'Storing',
  SUCCEEDED: 'Succeeded',
  FAILED: 'Failed',
  CANCELED: 'Canceled',
};

/** Every text of the console, by page. Credit amounts are passed in as formatted strings. */
export const messages = {
  common: {
    product: 'Plantain',
    pageTitle: (page: string) => `${page} · Plantain`,
    loading: 'Loading …',
    retry: 'Retry',
    reload: 'Reload',
    showMore: 'Show more',
    cancel: 'Cancel',
    create: 'Create',
    delete: 'Delete',
    low: 'Low',
    board: 'Board',
    history: 'History',
    images: 'Images',
    kind: 'Kind',
    model: 'Model',
    user,
    aspectRatio: 'Aspect ratio',
    auto: 'Auto',
    seconds: (seconds: string) => `${seconds} s`,
    minutes: (minutes: number) => `${minutes} min`,
    taskStatus,
    provider: (slug: string) => providers[slug] ?? slug,
    credits,
    creditsUnit,
  },

  time: {
    justNow: 'just now',
    soon: 'soon',
    at: (time: string) => `at ${time}`,
    on: (date: string) => `on ${date}`,
  },

  errors: {
    unreachable: 'The gateway cannot be reached. Check your connection.',
    internal: (requestId: unknown) =>
      `Internal error in the gateway. If it happens again, report request ID ${requestId}.`,
    noResponse: 'The gateway did not respond. Try again.',
    page: 'Something went wrong on this page. Your tasks are unaffected.',
    startup: (reason: string) => `The console could not start. ${reason}`,
  },

  session: {
    expired: (reason: string) => `Your session has expired. Sign in again. (${reason})`,
    rejected: (reason: string) => `The token was rejected. Sign in with another one. (${reason})`,
    retrying: (reason: string) => `${reason} Retrying …`,
    token: 'Token',
    tokenHint: (command: ReactNode) =>
      rich`Paste the JWT that your app sends, or the output of ${command}. It is stored in this tab only and removed when you close the tab.`,
    signIn: 'Sign in',
    signOut: 'Sign out',
    developmentUsers: 'Or continue as a development user',
  },

  shell: {
    skipToContent: 'Skip to content',
    home: 'Plantain, home',
    pages: 'Pages',
    graphiql: 'GraphiQL',
    adminUser: (id: string) => `${id} (admin)`,
    disconnected:
      'Connection lost. Reconnecting … Your tasks continue, and this page updates when the connection is back.',
    dismiss: 'Dismiss',
  },

  create: {
    heading: 'Create images',
    form: 'New images',
    prompt: 'Prompt',
    promptExample: 'A tin robot watering basil on a sunny window sill …',
    submit: 'Generate',
    shortcut: 'Submit with Ctrl+Enter or ⌘+Enter.',
    eta: (seconds: number) => `about ${seconds} s`,
    notAffordable: 'not enough credits',
    inputImages: 'Images to edit',
    addFirstImage: 'Add an image to edit',
    addImage: 'Add another image',
    dropHint: 'or drop or paste an image here',
    tooManyImages: (max: number) => `With these options, at most ${images(max)} can be edited. Remove some.`,
    removeImage: (number: number) => `Remove image ${number}`,
    uploading: 'Uploading …',
    uploadFailed: 'The upload failed. Remove the image and add it again.',
    uploadRejected: (status: number) => `The upload failed with HTTP status ${status}.`,
    addImagesAgain: 'The images to edit were not copied from the earlier task. Add them again.',
    anyModel: 'Automatic',
    anyModelHint: 'the cheapest available model that supports your options',
    modelUnavailable: 'currently unavailable',
    maxImages: (max: number) => `up to ${images(max)} per task`,
    editsOnly: 'edits only',
    maxInputImages: (max: number) => `edits up to ${images(max)}`,
    resolution: 'Resolution',
    resolutions: { R1K: '1K', R2K: '2K', R4K: '4K' } satisfies Record<Resolution, string>,
    outputFormat: 'Format',
    outputFormats: { JPEG: 'JPEG', PNG: 'PNG' } satisfies Record<OutputFormat, string>,
    noBoard: 'None',
    submitting: 'This request is already being submitted.',
    submitted: (prompt: string) => `Submitted “${prompt}”.`,
    alreadySubmitted: 'This request was already accepted. No second task was created.',
    submissionFailed: (prompt: string, reason: string) => `Could not submit “${prompt}”. ${reason}`,
  },

  gallery: {
    empty: 'No images yet. Describe an image above and select Generate.',
    noMatches: 'No tasks match these filters.',
    search: 'Search',
    searchPlaceholder: 'Search prompts',
    status: 'Status',
    anyStatus: 'Any status',
    inProgress: 'In progress',
    moreFilters: (active: number) => (active > 0 ? `More filters (${active})` : 'More filters'),
    clearFilters: 'Clear filters',
    anyKind: 'Any kind',
    generated: 'Generated',
    edited: 'Edited',
    anyModel: 'Any model',
    from: 'From',
    to: 'To',
    editAndRetry: 'Edit and retry',
    finished: (prompt: string, count: number) => `“${prompt}”: ${images(count)} ready.`,
    failed: (prompt: string, reason = '') => `“${prompt}” failed. ${reason}`,
    canceled: (prompt: string) => `“${prompt}” was canceled.`,
  },

  task: {
    notFound: 'Task not found',
    notFoundHint: 'The task was deleted or belongs to another user.',
    backToHistory: 'Back to history',
    created: (ago: ReactNode) => rich`created ${ago}`,
    queued: (ahead: number) => (ahead === 0 ? 'Next in queue' : `Queued, ${ahead} ahead`),
    secondsLeft: (seconds: number) => `about ${seconds} s left`,
    almostDone: 'almost done',
    unconfirmedHint:
      'The provider’s response was lost. If the provider has accepted it, the image still arrives here. If you submit it again, your cost stays the same, but the provider may charge the operator twice.',
    resubmit: 'Submit again',
    release: 'Cancel task',
    alreadyRetried: 'This task was already retried.',
    reusePrompt: 'Reuse prompt',
    deleteQuestion: 'Delete this task?',
    deleteConsequence: `Its images are deleted too, and removed from all boards. ${irreversible}`,
    canceledEarly: 'Canceled before an image was ready.',
    imagesDeleted: 'All images of this task were deleted.',
    imageAlt: (prompt: string, number: number, count: number) =>
      count > 1 ? `${prompt} (${number} of ${count})` : prompt,
    imageFacts: (width: number, height: number, size: string) => `${width} × ${height} · ${size}`,
    kilobytes: (size: number) => `${size} kB`,
    megabytes: (size: string) => `${size} MB`,
    editImage: 'Edit image',
    deleteImage: (number: number) => `Delete image ${number}`,
    deleteImageQuestion: (number: number, count: number) => `Delete image ${number} of ${count}?`,
    deleteImageConsequence: `It is also removed from all boards. ${irreversible}`,
    download: 'Download',
    variants: { url: 'Original', preview: 'Preview, at most 1,024 pixels', thumbnail: 'Thumbnail, at most 256 pixels' },
    cost: 'Cost',
    creditsReserved: (amount: string) => `${credits(amount)} reserved`,
    imageCount: (count: number, requested: number) => `${count} of ${requested}`,
    duration: 'Duration',
    id: 'ID',
    timeline: 'Timeline',
    events: {
      ACCEPTED: 'Accepted',
      RESPONSE_LOST: 'Response lost',
      CALLBACK_RECEIVED: 'Callback received',
      CANCELED: taskStatus.CANCELED,
      CREDITS_SETTLED: 'Credits settled',
      DOWNLOAD_FAILED: 'Download failed',
      DOWNLOAD_POSTPONED: 'Download postponed',
      EXPIRED: 'Expired',
      FAILED: taskStatus.FAILED,
      FINISHED: 'Finished',
      GENERATION_FAILED: 'Generation failed',
      INPUT_DELETED: 'Image to edit deleted',
      REROUTED: 'Moved to another provider',
      POLLED: 'Polled',
      REJECTED: 'Rejected by the provider',
      RELEASED: 'Credits released',
      RESUBMITTED: 'Submitted again',
      STORED: 'Stored',
      SUBMISSION_POSTPONED: 'Submission postponed',
      SUBMITTED: 'Submitted',
    } satisfies Record<TimelineEventKind, string>,
  },

  boards: {
    heading: 'Boards',
    all: 'All boards',
    empty: 'No boards yet',
    emptyHint: (history: ReactNode) =>
      rich`A board is an ordered collection of images. Create one above, then drag images from ${history} to it, or let new images be added to it automatically.`,
    historyLink: 'your history',
    title: 'Title',
    titleExample: 'Kitchen ideas',
    create: 'Create board',
    kinds: { MOODBOARD: 'Moodboard', SHOWCASE: 'Showcase' } satisfies Record<BoardKind, string>,
    purposes: { MOODBOARD: 'for ideas', SHOWCASE: 'for results' } satisfies Record<BoardKind, string>,
    new: 'New board',
    newTitle: 'Title of the new board',
    newTitleExample: 'Kitchen',
    add: 'Add to board',
    added: (title: string) => `Added to “${title}”.`,
    imageCount: (count: number, hasMore: boolean) => {
      if (hasMore) return `more than ${images(count)}`;
      return count === 0 ? 'no images yet' : images(count);
    },
    emptyBoard: 'This board is empty',
    emptyBoardHint: (history: ReactNode) =>
      rich`Drag images from ${history} to the board in the sidebar, or use their “Add to board” button. Images that you create for this board are added automatically.`,
    createImages: 'Create images for this board',
    rename: 'Rename board',
    renameTitle: 'Title of the board',
    renameSubmit: 'Rename',
    delete: 'Delete board',
    deleteQuestion: (title: string) => `Delete “${title}”?`,
    deleteConsequence: `Its images stay in your history and on other boards. ${irreversible}`,
    deleted: (title: string) => `Deleted “${title}”. Its images stay in your history.`,
    notFound: 'Board not found',
    notFoundHint: 'The board was deleted or belongs to another user.',
    deletedElsewhere: 'This board was deleted in another window. Its images are still in your history.',
    moveEarlier: 'Move earlier',
    moveLater: 'Move later',
    remove: 'Remove from board',
    actionOnImage: (action: string, number: number) => `${action}: image ${number}`,
    moved: (from: number, to: number) => `Moved image ${from} to position ${to}.`,
    removed: (number: number) => `Removed image ${number} from the board.`,
  },

  account: {
    heading: 'Account',
    signedInAs: (id: ReactNode) => rich`Signed in as ${id}`,
    roles: { ADMIN: 'Administrator', USER: user } satisfies Record<Role, string>,
    summary: 'Credits and providers',
    creditsLeft: 'Credits left',
    quota: 'Quota',
    quotaLeft: (available: ReactNode, ofGranted: ReactNode) => rich`${available} ${ofGranted}`,
    ofGranted: (granted: string) => `of ${credits(granted)} left`,
    noQuota: 'No quota is set. You can spend the credits that are left at the providers.',
    available: 'Available',
    reserved: 'Reserved for tasks',
    spent: 'Spent',
    granted: 'Granted in total',
    quotaChart: ({ granted, available, reserved, spent }: Record<QuotaPart, string>) =>
      `${credits(granted)} granted: ${available} available, ${reserved} reserved, ${spent} spent.`,
    providers: 'Providers',
    providerOperational: 'Operational',
    providerPaused: 'Paused',
    providerRateLimited: 'Rate limited',
    providerRecovering: 'Recovering',
    providerName: (name: string) => `${name}:`,
    allPaused: 'All providers are paused',
    allOperational: (count: number) => (count === 1 ? 'Provider operational' : 'All providers operational'),
    someProviders: (names: string[], status: string) =>
      `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} ${status.toLowerCase()}`,
    nextAttempt: (time: ReactNode) => rich`Next attempt ${time}.`,
    creditsUnknown: 'Credits unknown',
    unknown: 'unknown',
    checked: (ago: ReactNode) => rich`checked ${ago}`,
    notChecked: 'not checked yet',
    models: 'Model, and images per task',
    price: 'Price per image',
    generates: (max: number) => `generates up to ${max}`,
    edits: (max: number) => `edits up to ${max}`,
    grant: 'Grant credits',
    grantUnavailable: (setting: ReactNode) =>
      rich`Quotas are off, so there is nothing to grant. To turn them on, set ${setting} and restart the gateway.`,
    grantUserHint: 'The “sub” claim of the user’s token',
    grantCredits: 'Credits',
    grantCreditsHint: '0.001 or more',
    grantReason: 'Reason',
    grantReasonHint: 'Recorded in the ledger',
    grantSubmit: 'Grant',
    grantDone: (id: string, amount: string, available: string) =>
      `Granted ${credits(amount)} to ${id}. ${available} available now.`,
    grantKeyReused:
      'The previous grant succeeded, although its response was lost. Nothing was granted now. To grant this as well, submit again.',
  },

  webhooks: {
    heading: 'Webhooks',
    introduction:
      'Plantain sends a signed message to your server when the status of one of your tasks changes, so that your server does not have to poll. Messages follow the Standard Webhooks specification (standardwebhooks.com), which has libraries for most languages.',
    endpoints: 'Endpoints',
    addFirst: 'Add your first endpoint',
    addFirstHint:
      'The endpoint receives messages about the selected statuses of all tasks from then on. You get a secret to verify the messages, and this page lists every delivery.',
    addAnother: 'Add an endpoint',
    add: 'Add endpoint',
    limitReached: (max: number) => `You have reached the limit of ${max} endpoints. Delete one to add another.`,
    url: 'Endpoint URL',
    urlHint: 'A public https URL of your server',
    urlExample: 'https://example.com/plantain',
    statuses: 'Statuses that trigger a delivery',
    save: 'Save',
    edit: 'Edit',
    editEndpoint: (url: string) => `Edit ${url}`,
    enabled: 'Enabled',
    disabledByGateway: (reason: string) =>
      `${reason} Fix the endpoint, then enable it. Deliveries continue where they stopped.`,
    disabled: 'Disabled. Events are kept for the retention time, and sent when you enable the endpoint again.',
    failing: (ago: ReactNode) =>
      rich`Deliveries started to fail ${ago}. See the errors below. Plantain keeps retrying, and disables the endpoint after three days.`,
    secret: 'Secret',
    secretHint: 'Your server verifies messages with this secret. Copy it now: it is not shown again.',
    copy: 'Copy',
    copied: 'Copied.',
    copyFailed: 'Could not copy. The secret is selected: copy it with your keyboard.',
    hideSecret: 'Hide secret',
    rotate: 'Rotate secret',
    rotateOf: (url: string) => `Rotate secret of ${url}`,
    rotateQuestion: 'Rotate the secret of this endpoint?',
    rotateConsequence:
      'The new secret is shown once. Messages are signed with both secrets for 24 hours, so that your server can switch without rejecting any.',
    rotateConfirm: 'Rotate',
    deleteEndpoint: (url: string) => `Delete ${url}`,
    deleteQuestion: 'Delete this endpoint?',
    deleteConsequence: (url: string) =>
      `Nothing more is sent to ${url}, and its deliveries are deleted. ${irreversible}`,
    noDeliveries: 'No deliveries yet. Generate an image to trigger one.',
    deliveries: 'Deliveries',
    deliveryList: 'Deliveries, newest first',
    lastDelivery: (state: ReactNode, ago: ReactNode) => rich`Latest: ${state} ${ago}`,
    states: { DELIVERED: 'Delivered', PENDING: 'Pending', FAILED: 'Failed' } satisfies Record<
      WebhookDeliveryState,
      string
    >,
    deletedTask: 'deleted task',
    created: (ago: ReactNode) => rich`Created ${ago}`,
    attempts: (count: number) => {
      if (count === 0) return 'no attempts yet';
      return count === 1 ? '1 attempt' : `${count} attempts`;
    },
    responseStatus: (status: number) => `HTTP status ${status}`,
    delivered: (ago: ReactNode) => rich`delivered ${ago}`,
    lastAttempt: (ago: ReactNode) => rich`last attempt ${ago}`,
    nextAttempt: (time: ReactNode) => rich`next attempt ${time}`,
    resend: 'Resend',
  },
} as const;
