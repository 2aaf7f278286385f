package example;

import batchport.ApiClient;
import batchport.ApiException;
import batchport.api.JobsApi;
import batchport.model.EstateExportRequest;
import batchport.model.FailurePage;
import batchport.model.ItemFailure;
import batchport.model.Job;
import batchport.model.JobResult;
import batchport.model.OpenRentRequest;
import batchport.model.Problem;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/**
 * A client of batchport in Java: it submits a job, watches it, lists which items failed and why,
 * tries those again, and fetches a file.
 */
public final class Main {
  private final ApiClient client;
  private final JobsApi jobs;

  private Main(ApiClient client) {
    this.client = client;
    this.jobs = new JobsApi(client);
  }

  public static void main(String[] args) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(System.getenv().getOrDefault("BATCHPORT_SERVER", "http://127.0.0.1:8080"));
    client.setRequestInterceptor(
        request -> {
          request.header("Authorization", "Bearer " + System.getenv("BATCHPORT_KEY"));
          request.header("locale", "en_US");
        });
    new Main(client).run();
  }

  private void run() throws Exception {
    // Submit. Sent again with the same idempotency key, as after an answer that was lost, it is
    // the same job.
    Job submitted =
        jobs.submitEstateBatchOpenRent(
            JobsApi.APISubmitEstateBatchOpenRentRequest.newBuilder()
                .openRentRequest(new OpenRentRequest().ids(List.of(100001L, 100002L, 7L)))
                .idempotencyKey("java-example-1")
                .build());
    Job job = watch(submitted.getCode());
    System.out.printf("%s: %d of %d items failed%n", job.getResult(), job.getOutcomes().getFailed(), job.getTotal());

    // Why.
    for (ItemFailure f : failuresOf(job.getCode())) {
      System.out.printf("item %d, estate %s: %s: %s%n", f.getIndex(), f.getKey(), f.getCode(), f.getMessage());
    }

    // Try those again, once what was wrong is mended.
    Job retried = jobs.retryJob(JobsApi.APIRetryJobRequest.newBuilder().code(job.getCode()).build());
    Job again = watch(retried.getCode());
    System.out.printf("again, %s: %d of %d items failed%n", again.getResult(), again.getOutcomes().getFailed(), again.getTotal());

    // Which jobs there are.
    List<JobResult> failed = List.of(JobResult.PARTIALLY_FAILED, JobResult.FAILED);
    for (Job j : jobs.listJobs(JobsApi.APIListJobsRequest.newBuilder().result(failed).build()).getJobs()) {
      System.out.printf("listed: %s, %s%n", j.getKind(), j.getResult());
    }

    // Export, and fetch the file. Its link works without a key, for a day.
    Job exporting =
        jobs.submitEstateExport(
            JobsApi.APISubmitEstateExportRequest.newBuilder()
                .estateExportRequest(new EstateExportRequest().ids(List.of(100001L, 100002L)))
                .build());
    Job exported = watch(exporting.getCode());
    try (InputStream file = URI.create(exported.getFile().getUrl()).toURL().openStream()) {
      Files.copy(file, Path.of("estates.xlsx"), StandardCopyOption.REPLACE_EXISTING);
    }
    System.out.printf("exported: %d estates%n", exported.getOutcomes().getExported());

    try {
      watch("0");
    } catch (ApiException refused) {
      Problem problem = problemOf(refused); // programs go by the code
      System.out.printf("refused: %d %s: %s%n", problem.getStatus(), problem.getCode(), problem.getDetail());
    }
  }

  /** Asks how far a job is until it has ended. */
  private Job watch(String code) throws ApiException, InterruptedException {
    while (true) {
      Job job = jobs.getJob(JobsApi.APIGetJobRequest.newBuilder().code(code).build());
      if (job.getResult() != null) {
        return job;
      }
      Thread.sleep(500);
    }
  }

  /** Returns why items failed, page by page. */
  private List<ItemFailure> failuresOf(String code) throws ApiException {
    List<ItemFailure> all = new ArrayList<>();
    Long after = -1L;
    while (after != null) {
      FailurePage page = jobs.listJobFailures(JobsApi.APIListJobFailuresRequest.newBuilder().code(code).after(after).build());
      all.addAll(page.getFailures());
      after = page.getNext();
    }
    return all;
  }

  private Problem problemOf(ApiException refused) throws IOException {
    return client.getObjectMapper().readValue(refused.getResponseBody(), Problem.class);
  }
}
