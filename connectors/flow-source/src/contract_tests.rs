//! What every connector's table must do, as tests on a `TableProvider` (feature `test-support`).
//!
//! Each function panics with what is wrong. The caller brings the session, so that this crate needs no engine. The
//! tables given must have at least two columns and one row.

use std::sync::Arc;

use arrow_array::RecordBatch;
use datafusion_catalog::{Session, TableProvider};
use datafusion_common::arrow::compute::concat_batches;
use datafusion_physical_plan::common::collect;
use datafusion_physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// Runs the checks that need nothing but the table.
pub async fn check_table(session: &dyn Session, table: &dyn TableProvider) {
    let all = scan(session, table, None, None).await;
    assert!(rows(&all) > 0, "the table has no rows: nothing is tested");
    batches_have_the_table_s_schema(table, &all);
    projection_gives_the_same_values(session, table, &all).await;
    no_columns_still_count_rows(session, table, &all).await;
    limit_is_respected(session, table, &all).await;
}

/// Planning works without the data: `remove_source` takes it away, and only the stream may fail.
pub async fn check_lazy(session: &dyn Session, table: &dyn TableProvider, remove_source: impl FnOnce()) {
    remove_source();
    let plan = table.scan(session, None, &[], None).await.expect("scan describes, it does not open");
    assert!(run(session, &plan).await.is_err(), "a stream without its source must fail");
}

/// Dropping a stream after its first batch ends it; the test passes when the runtime can shut down.
pub async fn check_drop(session: &dyn Session, table: &dyn TableProvider) {
    let plan = table.scan(session, None, &[], None).await.expect("a full scan");
    for partition in 0..plan.output_partitioning().partition_count() {
        drop(plan.execute(partition, session.task_ctx()).expect("a stream"));
    }
}

fn batches_have_the_table_s_schema(table: &dyn TableProvider, all: &[RecordBatch]) {
    for batch in all {
        assert_eq!(batch.schema(), table.schema(), "a batch has another schema than its table");
    }
}

async fn projection_gives_the_same_values(session: &dyn Session, table: &dyn TableProvider, all: &[RecordBatch]) {
    let columns = table.schema().fields().len();
    for projection in [vec![0], vec![columns - 1], vec![columns - 1, 0], (0..columns).rev().collect()] {
        let projected = scan(session, table, Some(&projection), None).await;
        let expected: Vec<RecordBatch> =
            all.iter().map(|batch| batch.project(&projection).expect("columns exist")).collect();
        assert_eq!(joined(&projected), joined(&expected), "columns {projection:?} differ from the full scan");
    }
}

async fn no_columns_still_count_rows(session: &dyn Session, table: &dyn TableProvider, all: &[RecordBatch]) {
    let none = scan(session, table, Some(&vec![]), None).await;
    assert_eq!(rows(&none), rows(all), "a scan without columns counts other rows");
}

async fn limit_is_respected(session: &dyn Session, table: &dyn TableProvider, all: &[RecordBatch]) {
    for limit in [0, 1, 3, rows(all), rows(all) + 1] {
        let plan = table.scan(session, None, &[], Some(limit)).await.expect("a scan with a limit");
        let limited = rows(&run(session, &plan).await.expect("a stream with a limit"));
        let partitions = plan.output_partitioning().partition_count();
        assert!(limited >= limit.min(rows(all)), "limit {limit} gave only {limited} rows");
        assert!(limited <= limit * partitions, "limit {limit} gave {limited} rows in {partitions} partitions");
    }
}

async fn scan(
    session: &dyn Session,
    table: &dyn TableProvider,
    projection: Option<&Vec<usize>>,
    limit: Option<usize>,
) -> Vec<RecordBatch> {
    let plan = table.scan(session, projection, &[], limit).await.expect("a scan");
    run(session, &plan).await.expect("a stream")
}

async fn run(session: &dyn Session, plan: &Arc<dyn ExecutionPlan>) -> datafusion_common::Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    for partition in 0..plan.output_partitioning().partition_count() {
        batches.extend(collect(plan.execute(partition, session.task_ctx())?).await?);
    }
    Ok(batches)
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

/// All rows in one batch, so that scans cut into other batches compare equal.
fn joined(batches: &[RecordBatch]) -> RecordBatch {
    let schema = batches.first().expect("at least one batch").schema();
    concat_batches(&schema, batches).expect("batches of one scan have one schema")
}
