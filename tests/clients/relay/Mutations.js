// relay-mutations.test.mjs compiles this file and runs every mutation; this file is never executed.
import { graphql } from 'relay-runtime';

export const imageFragment = graphql`
  fragment Mutations_image on Image {
    id
    byteSize
    contentType
    createdAt
    height
    sha256
    thumbhash
    url
    urlExpiresAt
    width
    task {
      id
      status
    }
  }
`;

export const boardFragment = graphql`
  fragment Mutations_board on Board {
    id
    createdAt
    kind
    title
    updatedAt
    images(first: 20) {
      edges {
        cursor
        node {
          id
          ...Mutations_image
        }
      }
    }
  }
`;

export const taskFragment = graphql`
  fragment Mutations_task on Task {
    id
    aspectRatio
    completedAt
    createdAt
    etaSeconds
    kind
    metadata
    prompt
    queuePosition
    requestedImages
    resolution
    status
    submittedAt
    updatedAt
    version
    board {
      id
      ...Mutations_board
    }
    cost {
      reserved
      settled
    }
    failure {
      code
      message
    }
    images {
      id
      ...Mutations_image
    }
    model {
      id
      provider
    }
    timeline {
      at
      kind
    }
  }
`;

export const endpointFragment = graphql`
  fragment Mutations_endpoint on WebhookEndpoint {
    id
    createdAt
    disabledReason
    enabled
    failingSince
    secret
    statuses
    url
    deliveries(first: 20) {
      nodes {
        id
        ...Mutations_delivery
      }
    }
  }
`;

export const deliveryFragment = graphql`
  fragment Mutations_delivery on WebhookDelivery {
    id
    attempts
    createdAt
    deliveredAt
    error
    lastAttemptAt
    nextAttemptAt
    responseStatus
    state
    status
    task {
      id
      ...Mutations_task
    }
  }
`;

export const createBoardMutation = graphql`
  mutation MutationsCreateBoardMutation($input: CreateBoardInput!) {
    createBoard(input: $input) {
      __typename
      ... on BoardChanged {
        board {
          id
          ...Mutations_board
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const createWebhookEndpointMutation = graphql`
  mutation MutationsCreateWebhookEndpointMutation($url: URI!, $statuses: [TaskStatus!]!) {
    createWebhookEndpoint(url: $url, statuses: $statuses) {
      __typename
      ... on WebhookEndpointChanged {
        endpoint {
          id
          ...Mutations_endpoint
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const generateImagesMutation = graphql`
  mutation MutationsGenerateImagesMutation($input: GenerateImagesInput!) {
    generateImages(input: $input) {
      __typename
      ... on TaskAccepted {
        creditsLow
        replayed
        task {
          id
          ...Mutations_task
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const createUploadMutation = graphql`
  mutation MutationsCreateUploadMutation($input: CreateUploadInput!) {
    createUpload(input: $input) {
      __typename
      ... on UploadCreated {
        id
        expiresAt
        putUrl
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const editImagesMutation = graphql`
  mutation MutationsEditImagesMutation($input: EditImagesInput!) {
    editImages(input: $input) {
      __typename
      ... on TaskAccepted {
        creditsLow
        replayed
        task {
          id
          ...Mutations_task
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const retryTaskMutation = graphql`
  mutation MutationsRetryTaskMutation($id: ID!, $idempotencyKey: String) {
    retryTask(id: $id, idempotencyKey: $idempotencyKey) {
      __typename
      ... on TaskAccepted {
        creditsLow
        replayed
        task {
          id
          ...Mutations_task
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const resolveUnconfirmedTaskMutation = graphql`
  mutation MutationsResolveUnconfirmedTaskMutation($id: ID!, $action: UnconfirmedAction!) {
    resolveUnconfirmedTask(id: $id, action: $action) {
      __typename
      ... on TaskAccepted {
        creditsLow
        replayed
        task {
          id
          ...Mutations_task
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const cancelTaskMutation = graphql`
  mutation MutationsCancelTaskMutation($id: ID!) {
    cancelTask(id: $id) {
      __typename
      ... on TaskCanceled {
        task {
          id
          ...Mutations_task
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const grantCreditsMutation = graphql`
  mutation MutationsGrantCreditsMutation(
    $userId: ID!
    $amount: Float!
    $reason: String!
    $idempotencyKey: String!
  ) {
    grantCredits(userId: $userId, amount: $amount, reason: $reason, idempotencyKey: $idempotencyKey) {
      __typename
      ... on CreditsGranted {
        quota {
          available
          granted
          low
          reserved
          spent
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const updateBoardMutation = graphql`
  mutation MutationsUpdateBoardMutation($id: ID!, $title: String!) {
    updateBoard(id: $id, title: $title) {
      __typename
      ... on BoardChanged {
        board {
          id
          ...Mutations_board
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const addImagesToBoardMutation = graphql`
  mutation MutationsAddImagesToBoardMutation($boardId: ID!, $imageIds: [ID!]!) {
    addImagesToBoard(boardId: $boardId, imageIds: $imageIds) {
      __typename
      ... on BoardChanged {
        board {
          id
          ...Mutations_board
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const moveImagesOnBoardMutation = graphql`
  mutation MutationsMoveImagesOnBoardMutation($boardId: ID!, $imageIds: [ID!]!, $beforeImageId: ID) {
    moveImagesOnBoard(boardId: $boardId, imageIds: $imageIds, beforeImageId: $beforeImageId) {
      __typename
      ... on BoardChanged {
        board {
          id
          ...Mutations_board
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const removeImagesFromBoardMutation = graphql`
  mutation MutationsRemoveImagesFromBoardMutation($boardId: ID!, $imageIds: [ID!]!) {
    removeImagesFromBoard(boardId: $boardId, imageIds: $imageIds) {
      __typename
      ... on BoardChanged {
        board {
          id
          ...Mutations_board
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const updateWebhookEndpointMutation = graphql`
  mutation MutationsUpdateWebhookEndpointMutation(
    $id: ID!
    $url: URI
    $enabled: Boolean
    $statuses: [TaskStatus!]
  ) {
    updateWebhookEndpoint(id: $id, url: $url, enabled: $enabled, statuses: $statuses) {
      __typename
      ... on WebhookEndpointChanged {
        endpoint {
          id
          ...Mutations_endpoint
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const rotateWebhookSecretMutation = graphql`
  mutation MutationsRotateWebhookSecretMutation($id: ID!) {
    rotateWebhookSecret(id: $id) {
      __typename
      ... on WebhookEndpointChanged {
        endpoint {
          id
          ...Mutations_endpoint
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const resendWebhookDeliveryMutation = graphql`
  mutation MutationsResendWebhookDeliveryMutation($id: ID!) {
    resendWebhookDelivery(id: $id) {
      __typename
      ... on WebhookDeliveryQueued {
        delivery {
          id
          ...Mutations_delivery
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

// `@deleteRecord` also hides warnings about the id: Relay drops the record without a comparison. So it is optional here.
export const deleteImageMutation = graphql`
  mutation MutationsDeleteImageMutation($id: ID!, $forget: Boolean!) {
    deleteImage(id: $id) {
      __typename
      ... on ImageDeleted {
        deletedImageId
        forgotten: deletedImageId @include(if: $forget) @deleteRecord
        task {
          id
          ...Mutations_task
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const deleteTaskMutation = graphql`
  mutation MutationsDeleteTaskMutation($id: ID!, $forget: Boolean!) {
    deleteTask(id: $id) {
      __typename
      ... on TaskDeleted {
        deletedTaskId
        forgotten: deletedTaskId @include(if: $forget) @deleteRecord
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const deleteBoardMutation = graphql`
  mutation MutationsDeleteBoardMutation($id: ID!) {
    deleteBoard(id: $id) {
      __typename
      ... on BoardChanged {
        board {
          id
          ...Mutations_board
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const deleteWebhookEndpointMutation = graphql`
  mutation MutationsDeleteWebhookEndpointMutation($id: ID!) {
    deleteWebhookEndpoint(id: $id) {
      __typename
      ... on WebhookEndpointChanged {
        endpoint {
          id
          ...Mutations_endpoint
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const cancelTasksMutation = graphql`
  mutation MutationsCancelTasksMutation($filter: AllTasksFilter!) {
    cancelTasks(filter: $filter) {
      __typename
      ... on TasksChanged {
        matched
        changed
        failed
        tasks {
          id
          ...Mutations_task
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const retryTasksMutation = graphql`
  mutation MutationsRetryTasksMutation($filter: AllTasksFilter!) {
    retryTasks(filter: $filter) {
      __typename
      ... on TasksChanged {
        matched
        changed
        failed
        tasks {
          id
          ...Mutations_task
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const refundTasksMutation = graphql`
  mutation MutationsRefundTasksMutation($filter: AllTasksFilter!) {
    refundTasks(filter: $filter) {
      __typename
      ... on TasksChanged {
        matched
        changed
        failed
        tasks {
          id
          ...Mutations_task
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const resolveTasksMutation = graphql`
  mutation MutationsResolveTasksMutation($filter: AllTasksFilter!, $action: UnconfirmedAction!) {
    resolveTasks(filter: $filter, action: $action) {
      __typename
      ... on TasksChanged {
        matched
        changed
        failed
        tasks {
          id
          ...Mutations_task
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const pauseProviderMutation = graphql`
  mutation MutationsPauseProviderMutation($provider: String!) {
    pauseProvider(provider: $provider) {
      __typename
      ... on ProviderChanged {
        dryRun
        provider {
          name
          pause
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const resumeProviderMutation = graphql`
  mutation MutationsResumeProviderMutation($provider: String!) {
    resumeProvider(provider: $provider) {
      __typename
      ... on ProviderChanged {
        dryRun
        provider {
          name
          pause
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;

export const setProviderLimitsMutation = graphql`
  mutation MutationsSetProviderLimitsMutation($provider: String!) {
    setProviderLimits(provider: $provider) {
      __typename
      ... on ProviderChanged {
        dryRun
        provider {
          name
          pause
        }
      }
      ... on UserError {
        message
      }
    }
  }
`;
