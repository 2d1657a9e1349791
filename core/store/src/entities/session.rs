//! Table `sessions`.

use sea_orm::entity::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub user_id: String,
    pub app_id: String,
    pub pod_name: Option<String>,
    pub pod_ip: Option<String>,
    pub status: String,
    pub created_at: String,
    pub updated_at: String,
    pub app_name: String,
    pub launch_type: String,
    pub runtime: String,
    pub stage: String,
    pub reason: Option<String>,
    pub reason_detail: Option<String>,
    pub params: String,
    pub plan: Option<String>,
    pub expires_at: String,
    pub cleaned: bool,
    pub plugin_digest: Option<String>,
    pub told_events: String,
    pub note: Option<String>,
    pub progress: Option<String>,
}

/// None: rows are read by their keys.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
